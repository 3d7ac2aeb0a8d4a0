/* SPDX-License-Identifier: MIT */
/* The syntax of a request (RFC 9112); every function returns 0 or the status of a refusal. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "switchboard.h"

static bool is_token(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789!#$%&'*+-.^_`|~");

	return length > 0 && text[length] == '\0';
}

static int hex_value(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *at = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Append one decoded byte of the path; the room is checked by the caller. */
static int decode_byte(const char **from, char *to)
{
	int high, low;

	if (**from != '%') {
		*to = *(*from)++;
		return (unsigned char)*to > ' ' && *to != '#' ? 0 : 400;
	}
	high = hex_value((*from)[1]);
	low = high < 0 ? -1 : hex_value((*from)[2]);
	if (low < 0 || high + low == 0)
		return 400;
	*to = (char)(high * 16 + low);
	*from += 3;
	return 0;
}

static int decode_path(char path[PATH_SIZE], const char *target)
{
	size_t length = 0;
	int status = 0;

	while (!status && *target && *target != '?') {
		if (length + 1 == PATH_SIZE)
			status = 414;
		else
			status = decode_byte(&target, path + length++);
	}
	path[length] = '\0';
	return status;
}

static bool has_parent_segment(const char *path)
{
	const char *at = path;

	while ((at = strstr(at, "/.."))) {
		at += 3;
		if (*at == '/' || !*at)
			return true;
	}
	return false;
}

static int parse_method(struct exchange *exchange, const char *method)
{
	const char *at;

	if (!is_token(method))
		return 400;
	exchange->head_only = strcmp(method, "HEAD") == 0;
	if (exchange->head_only || strcmp(method, "GET") == 0)
		return 0;
	at = strstr(" POST PUT DELETE OPTIONS PATCH TRACE CONNECT ", method);
	return at && at[-1] == ' ' && at[strlen(method)] == ' ' ? 405 : 501;
}

static int parse_version(struct exchange *exchange, const char *version)
{
	unsigned int major, minor;
	char rest;

	if (strlen(version) != 8 || sscanf(version, "HTTP/%1u.%1u%c", &major, &minor, &rest) != 2)
		return 400;
	exchange->minor_version = minor;
	exchange->keep_alive = minor > 0;
	return major == 1 ? 0 : 505;
}

int parse_request_line(struct exchange *exchange, char *text)
{
	char *target = strchr(text, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	int status;

	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	status = parse_version(exchange, version);
	if (!status)
		status = parse_method(exchange, text);
	if (status)
		return status;
	if (strncasecmp(target, "http://", 7) == 0)
		target = strchr(target + 7, '/');
	if (!target || *target != '/')
		return 400;
	status = decode_path(exchange->path, target);
	if (!status && has_parent_segment(exchange->path))
		status = 400;
	return status;
}

static void parse_connection(struct exchange *exchange, char *value)
{
	char *rest;
	char *option = strtok_r(value, ", \t", &rest);

	for (; option; option = strtok_r(NULL, ", \t", &rest)) {
		if (strcasecmp(option, "close") == 0)
			exchange->keep_alive = false;
		if (strcasecmp(option, "keep-alive") == 0 && exchange->minor_version == 0)
			exchange->keep_alive = true;
	}
}

int parse_field(struct exchange *exchange, char *text)
{
	char *value = strchr(text, ':');
	size_t length;

	if (!value)
		return 400;
	*value++ = '\0';
	if (!is_token(text))
		return 400;
	value += strspn(value, " \t");
	length = strlen(value);
	while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
		value[--length] = '\0';
	if (strcasecmp(text, "Connection") == 0) {
		parse_connection(exchange, value);
	} else if (strcasecmp(text, "Host") == 0) {
		if (exchange->has_host || strpbrk(value, " \t/@"))
			return 400;
		exchange->has_host = true;
	} else if (strcasecmp(text, "Content-Length") == 0) {
		if (!length || strspn(value, "0123456789") != length)
			return 400;
		exchange->has_body |= strspn(value, "0") != length;
	} else if (strcasecmp(text, "Transfer-Encoding") == 0) {
		return 501;
	}
	return 0;
}
