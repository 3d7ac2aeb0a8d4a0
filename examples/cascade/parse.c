/* SPDX-License-Identifier: MIT */
/* The syntax of a request (RFC 9112), in place; the result is 0 or the status of a refusal. */
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cascade.h"

struct header_field {
	const char *name;
	int (*take)(struct request *request, char *value);
};

static bool is_token(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	}
	return true;
}

static int take_connection(struct request *request, char *value)
{
	char *rest = NULL;
	char *option;

	for (option = strtok_r(value, ", \t", &rest); option;
	     option = strtok_r(NULL, ", \t", &rest)) {
		if (strcasecmp(option, "close") == 0)
			request->keep_alive = false;
		else if (strcasecmp(option, "keep-alive") == 0 && request->minor_version == 0)
			request->keep_alive = true;
	}
	return 0;
}

static int take_content_length(struct request *request, char *value)
{
	if (!*value || value[strspn(value, "0123456789")])
		return 400;
	if (value[strspn(value, "0")])
		request->has_body = true;
	return 0;
}

static int take_host(struct request *request, char *value)
{
	if (request->has_host || strpbrk(value, " \t/@"))
		return 400;
	request->has_host = true;
	return 0;
}

static int take_modified_since(struct request *request, char *value)
{
	struct tm date = { 0 };
	const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date);

	/* A date that we cannot read is as if it were not there. */
	if (end && !*end)
		request->modified_since = timegm(&date);
	return 0;
}

static int take_transfer_encoding(struct request *request, char *value)
{
	(void)request;
	(void)value;
	return 501;
}

static const struct header_field fields[] = {
	{ "connection", take_connection },
	{ "content-length", take_content_length },
	{ "host", take_host },
	{ "if-modified-since", take_modified_since },
	{ "transfer-encoding", take_transfer_encoding },
};

/* The next line, without its end; NULL at the empty line. */
static char *next_line(char **cursor)
{
	char *line = *cursor;
	char *end = strchr(line, '\n');

	*cursor = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	return end > line ? line : NULL;
}

static int parse_field(struct request *request, char *line)
{
	char *value = strchr(line, ':');
	char *end = line + strlen(line);

	if (!value)
		return 400;
	*value++ = '\0';
	if (!is_token(line))	/* also a space before the colon, and a folded line */
		return 400;
	value += strspn(value, " \t");
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcasecmp(line, fields[i].name) == 0)
			return fields[i].take(request, value);
	}
	return 0;
}

static int parse_method(struct request *request, const char *method)
{
	static const char *const known[] = { "POST", "PUT", "DELETE", "OPTIONS", "PATCH",
					     "TRACE", "CONNECT" };

	if (!is_token(method))
		return 400;
	if (strcmp(method, "GET") == 0) {
		request->method = METHOD_GET;
		return 0;
	}
	if (strcmp(method, "HEAD") == 0) {
		request->method = METHOD_HEAD;
		return 0;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(method, known[i]) == 0)
			return 405;
	}
	return 501;
}

static int parse_version(struct request *request, const char *version)
{
	if (strncmp(version, "HTTP/", 5) != 0 || !isdigit((unsigned char)version[5]) ||
	    version[6] != '.' || !isdigit((unsigned char)version[7]) || version[8])
		return 400;
	if (version[5] != '1')
		return 505;
	request->minor_version = version[7] > '0';
	request->keep_alive = request->minor_version > 0;
	return 0;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Undo %XX in place, and drop a query. */
static int decode_path(char *path)
{
	char *to = path;

	for (const char *from = path; *from && *from != '?'; from++) {
		int high, low;

		if (*from == '#' || (unsigned char)*from <= ' ')
			return 400;
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = hex_value(from[1]);
		low = high < 0 ? -1 : hex_value(from[2]);
		if (low < 0 || (high == 0 && low == 0))
			return 400;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return 0;
}

/* A segment ".." could lead out of the root, whatever comes before it. */
static bool climbs(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")); at += 3) {
		if (at[3] == '/' || at[3] == '\0')
			return true;
	}
	return false;
}

static int parse_target(struct request *request, char *target)
{
	int status;

	if (strncasecmp(target, "http://", 7) == 0) {
		target = strchr(target + 7, '/');
		if (!target)
			return 400;
	}
	if (*target != '/')
		return 400;
	status = decode_path(target);
	if (status)
		return status;
	if (climbs(target))
		return 400;
	while (target[1] == '/')
		target++;
	request->path = target;
	return 0;
}

static int parse_request_line(struct request *request, char *line)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	int status;

	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	status = parse_version(request, version);
	if (status)
		return status;
	status = parse_method(request, line);
	if (status)
		return status;
	return parse_target(request, target);
}

int parse_request(struct request *request, char *text, size_t length)
{
	char *cursor = text;
	char *line;
	int status;

	memset(request, 0, sizeof(*request));
	if (memchr(text, '\0', length))
		return 400;
	line = next_line(&cursor);
	status = line ? parse_request_line(request, line) : 400;
	while (!status && (line = next_line(&cursor)))
		status = parse_field(request, line);
	if (!status && request->minor_version > 0 && !request->has_host)
		status = 400;
	if (status || request->has_body)	/* where the next request begins is unknown */
		request->keep_alive = false;
	return status;
}
