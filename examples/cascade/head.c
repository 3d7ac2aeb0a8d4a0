/* SPDX-License-Identifier: MIT */
/* The text of replies. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cascade.h"

#define DATE_SIZE 32

static const char *reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 301: return "Moved Permanently";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Error";
	}
}

static void format_date(char date[DATE_SIZE], time_t when)
{
	struct tm parts;

	gmtime_r(&when, &parts);
	strftime(date, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

static const char *connection_of(const struct conn *conn)
{
	if (!conn->request.keep_alive)
		return "Connection: close\r\n";
	return conn->request.minor_version ? "" : "Connection: keep-alive\r\n";
}

/* The part that every reply begins with; returns its length, as snprintf does. */
static size_t compose_start(const struct conn *conn, char *text, size_t room)
{
	char date[DATE_SIZE];
	int length;

	format_date(date, time(NULL));
	length = snprintf(text, room, "HTTP/1.1 %d %s\r\nServer: cascade\r\nDate: %s\r\n%s",
			  conn->status, reason_of(conn->status), date, connection_of(conn));
	return length > 0 ? (size_t)length : 0;
}

/* A reply about conn->file.  Returns the length, or 0 if there is not enough room. */
size_t compose_head(const struct conn *conn, char *text, size_t room)
{
	size_t start = compose_start(conn, text, room);
	char modified[DATE_SIZE];
	int length;

	if (start >= room)
		return 0;
	format_date(modified, conn->file->modified);
	if (conn->status == 304)
		length = snprintf(text + start, room - start, "Last-Modified: %s\r\n\r\n", modified);
	else
		length = snprintf(text + start, room - start,
				  "Last-Modified: %s\r\nContent-Type: %s\r\n"
				  "Content-Length: %lld\r\n\r\n", modified,
				  conn->file->media_type, (long long)conn->file->size);
	if (length < 0 || (size_t)length >= room - start)
		return 0;
	return start + (size_t)length;
}

/* "Location: path/"; what may not stand in a URI is written as %XX. */
static size_t compose_location(const char *path, char *text, size_t room)
{
	size_t length = (size_t)snprintf(text, room, "Location: ");

	for (; *path; path++) {
		bool plain = isalnum((unsigned char)*path) || strchr("/-._~", *path);

		if (length + 7 > room)
			return 0;
		if (plain)
			text[length++] = *path;
		else
			length += (size_t)snprintf(text + length, room - length, "%%%02X",
						   (unsigned char)*path);
	}
	memcpy(text + length, "/\r\n", 4);
	return length + 3;
}

/* A whole refusal, with a body of one line.  Returns the length, or 0. */
size_t compose_refusal(const struct conn *conn, char *text, size_t room)
{
	size_t start = compose_start(conn, text, room);
	const char *reason = reason_of(conn->status);
	int body_length = (int)strlen(reason) + 5;
	int length;

	if (start >= room)
		return 0;
	if (conn->status == 301) {
		size_t location = compose_location(conn->request.path, text + start, room - start);

		if (!location)
			return 0;
		start += location;
	}
	length = snprintf(text + start, room - start,
			  "%sContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
			  conn->status == 405 ? "Allow: GET, HEAD\r\n" : "", body_length);
	if (length < 0 || (size_t)length + (size_t)body_length >= room - start)
		return 0;
	start += (size_t)length;
	if (conn->request.method == METHOD_HEAD)
		return start;
	length = snprintf(text + start, room - start, "%d %s\n", conn->status, reason);
	return start + (size_t)length;
}
