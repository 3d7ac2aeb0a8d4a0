// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers of replies, written straight into an abuf; no format strings, since every reply pays.
 *
 * Context: the fast thread that owns the request.
 */
#include "tux.h"

/* More than all fixed text, numbers and dates of a header, and the text of a constant reply. */

#define PUT(to, text)	put(to, text, sizeof(text) - 1)

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

/* Changes whenever the content may have changed: what the inode says about it. */
static unsigned int make_etag(char *etag, const struct inode *inode, loff_t size)
{
	char *to = PUT(etag, "\"");

	to = put_hex64(to, inode->i_ino);
	to = PUT(to, "-");
	to = put_hex64(to, inode->i_mtime.tv_sec);
	to = PUT(to, "-");
	to = put_hex(to, inode->i_mtime.tv_nsec);
	to = PUT(to, "-");
	to = put_hex64(to, size);
	to = PUT(to, "\"");
	return to - etag;
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
static char *put_validators(char *to, const struct tux_req *req, const char *etag,
			    unsigned int etag_length)
{
	if (tux_knobs.generate_last_mod) {
		to = PUT(to, "Last-Modified: ");
		tux_format_date(to, file_inode(req->file)->i_mtime.tv_sec);
		to += TUX_DATE_LENGTH;
		to = PUT(to, "\r\n");
	}
	if (tux_knobs.generate_etags) {
		to = PUT(to, "ETag: ");
		to = put(to, etag, etag_length);
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
		to = put_validators(to, req, version->etag, version->etag_length);
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
	version.etag_length = make_etag(version.etag, inode, version.size);
	req->body_start = 0;
	req->body_end = version.size;
	if (status == 200)
		status = evaluate_conditions(req, &version);
	trim_abuf(req, put_object_header(req, status, &version));
	req->body_next = req->body_start;
	if (req->message.method == TUX_HEAD || status == 304)
		req->body_next = req->body_end;
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
	char *buf = get_abuf(req, TUX_REPLY_HEADER_MAX);
	char *to;

	if (!buf)
		return -ENOMEM;
	to = put_start(buf, req, status);
	to = PUT(to, "Content-Type: text/plain\r\n");
	to = put_length(to, strlen(text) + 1);
	if (status == 405)
		to = PUT(to, "Allow: GET, HEAD\r\n");
	to = put_end(to, req);
	if (req->message.method != TUX_HEAD) {
		to = put_string(to, text);
		to = PUT(to, "\n");
	}
	trim_abuf(req, to - buf);
	return 0;
}

/**
 * compose_slash_reply() - send a client that asks for a directory to its name with a slash
 * @req: the abuf holds the whole reply afterwards
 *
 * The location is given without a host, and with one slash at its start only: two would make the
 * first component a host.
 *
 * Return: 0, or -ENOMEM.
 */
int compose_slash_reply(struct tux_req *req)
{
	const struct tux_message *message = &req->message;
	const char *path = req->header + message->path.offset;
	unsigned int length = message->path.length;
	char *buf = get_abuf(req, TUX_REPLY_HEADER_MAX + length + message->query.length);
	char *to;

	if (!buf)
		return -ENOMEM;
	while (length > 1 && path[1] == '/') {
		path++;
		length--;
	}
	to = put_start(buf, req, 301);
	to = PUT(to, "Location: ");
	to = put(to, path, length);
	to = PUT(to, "/");
	to = put(to, req->header + message->query.offset, message->query.length);
	to = PUT(to, "\r\n");
	to = put_length(to, 0);
	trim_abuf(req, put_end(to, req) - buf);
	return 0;
}
