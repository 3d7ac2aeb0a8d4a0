// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers of replies, written straight into an abuf; no format strings, since every reply pays.
 *
 * Context: the fast thread that owns the request.
 */
#include "tux.h"

#define PUT(to, text)	put(to, text, sizeof(text) - 1)

/* Seconds within which some file systems give two versions of a file the same time. */
#define CLOCK_RESOLUTION	2

/* Inline, so that constant text becomes a few stores. */
static __always_inline char *put(char *to, const char *text, unsigned int length)
{
	memcpy(to, text, length);
	return to + length;
}

static char *put_string(char *to, const char *text)
{
	return put(to, text, strlen(text));
}

static char *put_decimal(char *to, u64 value)
{
	char digits[20];
	char *end = digits + sizeof(digits), *at = end;
	u32 low;

	/* A 64-bit division is costly on a 32-bit machine, and sizes are small. */
	while (value >> 32) {
		u32 digit;

		value = div_u64_rem(value, 10, &digit);
		*--at = '0' + digit;
	}
	for (low = value; low >= 10; low /= 10)
		*--at = '0' + low % 10;
	*--at = '0' + low;
	return put(to, at, end - at);
}

static char *put_hex(char *to, u32 value)
{
	int shift = value ? (fls(value) - 1) & ~3 : 0;

	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[value >> shift & 15];
	return to;
}

/* Both halves, the upper one only if there is one: still different for different values. */
static char *put_hex64(char *to, u64 value)
{
	if (value >> 32) {
		to = put_hex(to, value >> 32);
		to = PUT(to, ".");
	}
	return put_hex(to, value);
}

/*
 * The tag of a version is its time, in seconds, and its size, which mirrors of a file share. While
 * another version of the same time may yet come, the tag is weak (RFC 9110, 8.8.1), and its text
 * is not that of the strong one: who has it asks again when the time is over.
 */
static void make_etag(struct tux_version *version)
{
	char *to = PUT(version->etag, "\"");

	to = put_hex64(to, version->modified);
	to = PUT(to, "-");
	to = put_hex64(to, version->size);
	if (version->weak)
		to = PUT(to, "-new");
	to = PUT(to, "\"");
	version->etag_length = to - version->etag;
}

static const char *reason_of(unsigned int status)
{
	switch (status) {
	case 200:
		return "200 OK";
	case 206:
		return "206 Partial Content";
	case 301:
		return "301 Moved Permanently";
	case 304:
		return "304 Not Modified";
	case 400:
		return "400 Bad Request";
	case 403:
		return "403 Forbidden";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed";
	case 408:
		return "408 Request Timeout";
	case 412:
		return "412 Precondition Failed";
	case 414:
		return "414 URI Too Long";
	case 416:
		return "416 Range Not Satisfiable";
	case 417:
		return "417 Expectation Failed";
	case 431:
		return "431 Request Header Fields Too Large";
	case 501:
		return "501 Not Implemented";
	case 503:
		return "503 Service Unavailable";
	case 505:
		return "505 HTTP Version Not Supported";
	default:
		return "500 Internal Server Error";
	}
}

/* The time of day as text, made anew once a second. */
static char *put_date(char *to, struct tux_thread *thread)
{
	time64_t now = ktime_get_real_seconds();

	if (now != thread->date_seconds) {
		thread->date_seconds = now;
		tux_format_date(thread->date, now);
	}
	return put(to, thread->date, TUX_DATE_LENGTH);
}

/* What every reply has. */
static char *put_start(char *to, struct tux_req *req, unsigned int status)
{
	req->status = status;
	to = PUT(to, "HTTP/1.1 ");
	to = put_string(to, reason_of(status));
	to = PUT(to, "\r\nServer: TUX\r\nDate: ");
	to = put_date(to, req->thread);
	return PUT(to, "\r\n");
}

static char *put_end(char *to, const struct tux_req *req)
{
	if (!req->keep_alive)
		to = PUT(to, "Connection: close\r\n");
	else if (!req->message.minor)
		to = PUT(to, "Connection: keep-alive\r\n");
	return PUT(to, "\r\n");
}

static char *put_length(char *to, u64 length)
{
	to = PUT(to, "Content-Length: ");
	to = put_decimal(to, length);
	return PUT(to, "\r\n");
}

/* What identifies the version of the object; a reply without its content has these as well. */
static char *put_validators(char *to, const struct tux_req *req,
			    const struct tux_version *version)
{
	if (tux_knobs.generate_last_mod) {
		to = PUT(to, "Last-Modified: ");
		/* Never later than Date: RFC 9110, 8.8.2.1. */
		tux_format_date(to, min_t(s64, version->modified, req->thread->date_seconds));
		to += TUX_DATE_LENGTH;
		to = PUT(to, "\r\n");
	}
	if (tux_knobs.generate_etags) {
		to = PUT(to, "ETag: ");
		if (version->weak)
			to = PUT(to, "W/");
		to = put(to, version->etag, version->etag_length);
		to = PUT(to, "\r\n");
	}
	if (tux_knobs.generate_cache_control) {
		to = PUT(to, "Cache-Control: max-age=");
		to = put_decimal(to, tux_knobs.max_age);
		to = PUT(to, "\r\n");
	}
	return to;
}

static char *put_content_range(char *to, const struct tux_req *req, loff_t size)
{
	to = PUT(to, "Content-Range: bytes ");
	if (req->status == 206) {
		to = put_decimal(to, req->body_start);
		to = PUT(to, "-");
		to = put_decimal(to, req->body_end - 1);
	} else {
		to = PUT(to, "*");
	}
	to = PUT(to, "/");
	to = put_decimal(to, size);
	return PUT(to, "\r\n");
}

static char *put_type(char *to, const struct tux_req *req)
{
	to = PUT(to, "Content-Type: ");
	to = put_string(to, req->type);
	to = put_string(to, tux_mime_charset(req->type));
	return PUT(to, "\r\n");
}

/* Header of a reply that concerns the object that was found. Return: bytes written. */
static unsigned int put_object_header(struct tux_req *req, unsigned int status,
				      const struct tux_version *version)
{
	char *to = put_start(req->abuf.buf, req, status);

	if (status == 416 || status == 412) {
		req->body_end = req->body_start;
		to = put_length(to, 0);
	} else if (status != 304) {
		to = put_type(to, req);
		to = put_length(to, req->body_end - req->body_start);
	}
	if (status == 200 || status == 206)
		to = PUT(to, "Accept-Ranges: bytes\r\n");
	if (status == 206 || status == 416)
		to = put_content_range(to, req, version->size);
	if (status < 400)
		to = put_validators(to, req, version);
	return put_end(to, req) - req->abuf.buf;
}

/**
 * compose_object_reply() - the reply to a request whose object was found
 * @req: the object is open; on return the abuf holds the header, and body_* what to send
 * @status: 200, or that of an error page; preconditions and ranges concern the former only
 *
 * Return: 0, or -ENOMEM.
 */
int compose_object_reply(struct tux_req *req, unsigned int status)
{
	const struct inode *inode = file_inode(req->file);
	struct tux_version version;
	char *buf = get_abuf(req, TUX_REPLY_HEADER_MAX);

	if (!buf)
		return -ENOMEM;
	version.size = i_size_read(inode);
	version.modified = inode->i_mtime.tv_sec;
	version.weak = version.modified >= ktime_get_real_seconds() - CLOCK_RESOLUTION;
	make_etag(&version);
	req->body_start = 0;
	req->body_end = version.size;
	if (status == 200)
		status = evaluate_conditions(req, &version);
	trim_abuf(req, put_object_header(req, status, &version));
	if (req->message.method == TUX_HEAD || status == 304)
		req->body_start = req->body_end;
	req->body_next = req->body_start;
	return 0;
}

/**
 * compose_constant_reply() - a reply without an object
 * @req: the abuf holds the whole reply afterwards
 * @status: of the reply
 *
 * Return: 0, or -ENOMEM.
 */
int compose_constant_reply(struct tux_req *req, unsigned int status)
{
	const char *text = reason_of(status);
	unsigned int length = strlen(text) + 1;
	char *buf = get_abuf(req, TUX_REPLY_HEADER_MAX);
	char *to;

	if (!buf)
		return -ENOMEM;
	to = put_start(buf, req, status);
	to = PUT(to, "Content-Type: text/plain\r\n");
	to = put_length(to, length);
	if (status == 405)
		to = PUT(to, "Allow: GET, HEAD\r\n");
	to = put_end(to, req);
	if (req->message.method != TUX_HEAD) {
		to = put_string(to, text);
		to = PUT(to, "\n");
		req->body_end = length;	/* for the log: it goes with the header */
		req->body_next = length;
	}
	trim_abuf(req, to - buf);
	return 0;
}

/* Clients send these, but they belong in no URL; browsers take the backslash for a slash. */
static bool must_escape(char c)
{
	static const char unsafe[] = "\"<>\\^`{|}";

	return memchr(unsafe, c, sizeof(unsafe) - 1);
}

/* Bytes for a redirection, at most. */
static unsigned int slash_reply_size(const struct tux_req *req)
{
	const struct tux_message *message = &req->message;
	const char *path = tux_head(req) + message->path.offset;
	unsigned int i, escapes = 0;

	for (i = 0; i < message->path.length; i++)
		escapes += must_escape(path[i]);
	return TUX_REPLY_HEADER_MAX + message->path.length + 2 * escapes + message->query.length;
}

static char *put_path(char *to, const char *path, unsigned int length)
{
	for (; length; length--, path++) {
		if (must_escape(*path)) {
			*to++ = '%';
			*to++ = "0123456789ABCDEF"[*path >> 4 & 15];
			*to++ = "0123456789ABCDEF"[*path & 15];
		} else {
			*to++ = *path;
		}
	}
	return to;
}

/* Whether a redirection to the name with a slash fits a page; else the target is too long. */
bool slash_reply_fits(const struct tux_req *req)
{
	return slash_reply_size(req) <= PAGE_SIZE;
}

/**
 * compose_slash_reply() - send a client that asks for a directory to its name with a slash
 * @req: the reply fits; the abuf holds the whole of it afterwards
 *
 * The location is given without a host, and with one slash at its start only: two would make the
 * first component a host.
 *
 * Return: 0, or -ENOMEM.
 */
int compose_slash_reply(struct tux_req *req)
{
	const struct tux_message *message = &req->message;
	const char *path = tux_head(req) + message->path.offset;
	unsigned int length = message->path.length;
	char *buf = get_abuf(req, slash_reply_size(req));
	char *to;

	if (!buf)
		return -ENOMEM;
	while (length > 1 && path[1] == '/') {
		path++;
		length--;
	}
	to = put_start(buf, req, 301);
	to = PUT(to, "Location: ");
	to = put_path(to, path, length);
	to = PUT(to, "/");
	to = put(to, tux_head(req) + message->query.offset, message->query.length);
	to = PUT(to, "\r\n");
	to = put_length(to, 0);
	trim_abuf(req, put_end(to, req) - buf);
	return 0;
}
