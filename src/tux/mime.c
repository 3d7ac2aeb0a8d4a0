// SPDX-License-Identifier: GPL-2.0-only
/*
 * Media types by the suffix of a name: those of today's web, and what net.tux.types adds.
 *
 * Context: any, except for tux_mime_start().
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

#define SUFFIX_MAX	11
#define TYPE_MAX	100	/* of a type that a knob names */
#define MORE_TYPES	64

/* Sorted by suffix. */
static const struct {
	char suffix[SUFFIX_MAX + 1];
	const char *type;
} types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "apng", "image/apng" },
	{ "atom", "application/atom+xml" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bmp", "image/bmp" },
	{ "bz2", "application/x-bzip2" },
	{ "css", "text/css" },
	{ "csv", "text/csv" },
	{ "doc", "application/msword" },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "eot", "application/vnd.ms-fontobject" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "heic", "image/heic" },
	{ "htm", "text/html" },
	{ "html", "text/html" },
	{ "ico", "image/x-icon" },
	{ "ics", "text/calendar" },
	{ "jar", "application/java-archive" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" },
	{ "json", "application/json" },
	{ "jsonld", "application/ld+json" },
	{ "jxl", "image/jxl" },
	{ "m3u8", "application/vnd.apple.mpegurl" },
	{ "m4a", "audio/mp4" },
	{ "m4v", "video/mp4" },
	{ "map", "application/json" },
	{ "md", "text/markdown" },
	{ "mid", "audio/midi" },
	{ "mjs", "text/javascript" },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpd", "application/dash+xml" },
	{ "mpeg", "video/mpeg" },
	{ "mpg", "video/mpeg" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "rar", "application/vnd.rar" },
	{ "rss", "application/rss+xml" },
	{ "rtf", "application/rtf" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "ts", "video/mp2t" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain" },
	{ "vtt", "text/vtt" },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "weba", "audio/webm" },
	{ "webm", "video/webm" },
	{ "webmanifest", "application/manifest+json" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "xml", "text/xml" },
	{ "xz", "application/x-xz" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

/* What the knobs add; it does not change while the server runs. */
static struct {
	unsigned int number;
	struct {
		const char *suffix;
		const char *type;
	} types[MORE_TYPES];
	char text[TUX_TYPES_MAX];
	char charset[sizeof("; charset=") + TUX_CHARSET_MAX];
} more;

/* Copy the suffix in lower case. Return: whether there is one of a length that is known. */
static bool find_suffix(char *suffix, const char *name, unsigned int length)
{
	unsigned int start = length, i;

	while (start && name[start - 1] != '.' && name[start - 1] != '/')
		start--;
	if (!start || name[start - 1] != '.' || start == length || length - start > SUFFIX_MAX)
		return false;
	for (i = 0; start + i < length; i++) {
		char c = name[start + i];

		suffix[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	suffix[i] = 0;
	return true;
}

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$&-^_.+", c));
}

/* Characters of a name of a type: RFC 6838, 4.2. */
static unsigned int count_token(const char *text)
{
	unsigned int length = 0;

	while (is_token_char(text[length]))
		length++;
	return length;
}

/* "suffix=type/subtype" at the start of @text. Return: its length, or 0 if it is none. */
static unsigned int count_pair(const char *text)
{
	unsigned int suffix = count_token(text), type, i;

	for (i = 0; i < suffix; i++)
		if (text[i] == '.' || (text[i] >= 'A' && text[i] <= 'Z'))
			return 0;
	if (!suffix || suffix > SUFFIX_MAX || text[suffix] != '=')
		return 0;
	text += suffix + 1;
	type = count_token(text);
	if (!type || text[type] != '/' || !count_token(text + type + 1))
		return 0;
	type += 1 + count_token(text + type + 1);
	return type > TYPE_MAX ? 0 : suffix + 1 + type;
}

/**
 * tux_mime_check_types() - can the knob "types" be used?
 * @text: "suffix=type suffix=type ...", suffixes in lower case
 *
 * Return: 0, or -EINVAL.
 */
int tux_mime_check_types(const char *text)
{
	unsigned int number = 0;

	for (;;) {
		unsigned int length;

		while (*text == ' ')
			text++;
		if (!*text)
			return 0;
		length = count_pair(text);
		text += length;
		if (!length || (*text && *text != ' ') || ++number > MORE_TYPES)
			return -EINVAL;
	}
}

/**
 * tux_mime_check_charset() - can the knob "charset" be used?
 * @text: a name, or empty
 *
 * Return: 0, or -EINVAL.
 */
int tux_mime_check_charset(const char *text)
{
	return text[count_token(text)] ? -EINVAL : 0;
}

/**
 * tux_mime_start() - take over the knobs, while no request is alive
 * @new_types: passes tux_mime_check_types()
 * @charset: passes tux_mime_check_charset(); of all types of text
 */
void tux_mime_start(const char *new_types, const char *charset)
{
	char *text = more.text;

	more.number = 0;
	strscpy(more.text, new_types, sizeof(more.text));
	while (more.number < MORE_TYPES) {
		while (*text == ' ')
			*text++ = 0;
		if (!*text)
			break;
		more.types[more.number].suffix = text;
		text = strchr(text, '=');
		*text++ = 0;
		more.types[more.number++].type = text;
		while (*text && *text != ' ')
			text++;
	}
	more.charset[0] = 0;
	if (*charset)
		sprintf(more.charset, "; charset=%s", charset);
}

/* A type that a knob names goes before those that are known here. */
static const char *find_more(const char *suffix)
{
	unsigned int i;

	for (i = 0; i < more.number; i++)
		if (!strcmp(suffix, more.types[i].suffix))
			return more.types[i].type;
	return NULL;
}

/**
 * tux_mime_charset() - what follows the type
 * @type: from tux_mime_type()
 *
 * Return: a parameter, or nothing.
 */
const char *tux_mime_charset(const char *type)
{
	return *more.charset && !strncmp(type, "text/", 5) ? more.charset : "";
}

/**
 * tux_mime_type() - the media type of an object
 * @name: of the object
 * @length: of @name
 *
 * Return: a constant string.
 */
const char *tux_mime_type(const char *name, unsigned int length)
{
	unsigned int low = 0, high = ARRAY_SIZE(types);
	char suffix[SUFFIX_MAX + 1];

	if (!find_suffix(suffix, name, length))
		return "application/octet-stream";
	if (unlikely(more.number)) {
		const char *type = find_more(suffix);

		if (type)
			return type;
	}
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		int order = strcmp(suffix, types[middle].suffix);

		if (!order)
			return types[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return "application/octet-stream";
}
