/* SPDX-License-Identifier: GPL-2.0-only */
/* Parsing of HTTP/1 request heads, dates, ranges and paths: pure functions on bytes. */
#ifndef _TUX_PARSE_H
#define _TUX_PARSE_H

#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#endif

enum tux_method { TUX_GET, TUX_HEAD, TUX_OTHER_METHOD, TUX_UNKNOWN_METHOD };

/* A part of the header buffer; one of length 0 at offset 0 is absent. */
struct tux_slice {
	u16 offset;
	u16 length;
};

static inline bool tux_present(struct tux_slice slice)
{
	return slice.offset != 0;
}

/**
 * struct tux_message - the head of a request, understood
 * @length: bytes from the first one to the empty line, inclusive
 * @minor: 0 for HTTP/1.0, 1 for HTTP/1.1 and later minor versions
 * @has_body: a body follows, of whatever length
 * @repeated: a field that may be a list came more than once; the first value is kept
 * @path: of the target, still encoded; starts with a slash, except for "*"
 * @query: of the target, with its question mark
 */
struct tux_message {
	u16 length;
	u8 method;
	u8 minor;
	bool close;
	bool keep_alive;
	bool has_body;
	bool repeated;
	struct tux_slice line;
	struct tux_slice path;
	struct tux_slice query;
	struct tux_slice host;
	struct tux_slice if_match;
	struct tux_slice if_none_match;
	struct tux_slice if_modified_since;
	struct tux_slice if_unmodified_since;
	struct tux_slice if_range;
	struct tux_slice range;
	struct tux_slice referer;
	struct tux_slice user_agent;
};

/* tux_parse_head() returns one of these, or the status of a refusal (400 and above). */
#define TUX_PARSE_DONE		0
#define TUX_PARSE_INCOMPLETE	1

int tux_parse_head(const char *buf, unsigned int size, struct tux_message *message);

bool tux_next_field(const char *buf, unsigned int length, const char *name,
		    struct tux_slice *value);

/* Why a head that fills the whole buffer without an end is refused: 414 or 431. */
int tux_parse_oversize(const char *buf, unsigned int size);

/* authority.c */
bool tux_is_authority(const char *text, unsigned int length);

/* path.c */
int tux_decode_path(char *to, const char *from, unsigned int length);
int tux_virtual_host_name(char *to, unsigned int room, const char *host, unsigned int length);

/* range.c */
enum tux_range { TUX_RANGE_NONE, TUX_RANGE_ONE, TUX_RANGE_UNSATISFIABLE };

enum tux_range tux_parse_range(const char *value, unsigned int length, s64 size,
			       s64 *start, s64 *end);

/* date.c */
#define TUX_DATE_LENGTH 29	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
void tux_format_date(char *to, s64 seconds);
int tux_parse_date(const char *value, unsigned int length, s64 now, s64 *seconds);

/* mime.c */
#define TUX_TYPES_MAX	1024
#define TUX_CHARSET_MAX	32
int tux_mime_check_types(const char *text);
int tux_mime_check_charset(const char *text);
void tux_mime_start(const char *types, const char *charset);
const char *tux_mime_type(const char *name, unsigned int length);
const char *tux_mime_charset(const char *type);

/* etag.c */
bool tux_etag_listed(const char *list, unsigned int length, const char *etag,
		     unsigned int etag_length, bool weak);

#endif /* _TUX_PARSE_H */
