/* SPDX-License-Identifier: MIT */
/*
 * A second reader of request heads, written from RFC 9110 and 9112 with none of TUX's code: slow,
 * by lines, on a copy. It says whether a complete head may be served as a GET or HEAD without a
 * body or with one of announced length; the fuzzer compares it with what TUX takes.
 */
#ifndef READER_H
#define READER_H

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static inline bool reader_is_token(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	return true;
}

/* "GET /x HTTP/1.1": three parts, one space between each. */
static inline bool reader_takes_line(char *line, bool *needs_host)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return false;
	*target++ = 0;
	*version++ = 0;
	*needs_host = strcmp(version, "HTTP/1.0") != 0;
	if (strcmp(line, "GET") && strcmp(line, "HEAD"))
		return false;
	if (*target != '/' && strncasecmp(target, "http://", 7))
		return false;
	for (char *c = target; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == '#')
			return false;
	return strlen(version) == 8 && !strncmp(version, "HTTP/1.", 7) &&
	       isdigit((unsigned char)version[7]);
}

/* "[::1]" without its port; the C library knows addresses of IPv6. */
static inline bool reader_takes_literal(char *host)
{
	unsigned char address[16];
	char *dot = strchr(host, '.');

	host[strlen(host) - 1] = 0;
	host++;
	if (*host != 'v' && *host != 'V')
		return inet_pton(AF_INET6, host, address) == 1;
	if (!dot || dot == host + 1 || !dot[1])
		return false;
	for (host++; host < dot; host++)
		if (!isxdigit((unsigned char)*host))
			return false;
	for (host++; *host; host++)
		if (!isalnum((unsigned char)*host) && !strchr("-._~!$&'()*+,;=:", *host))
			return false;
	return true;
}

/* The value of a field Host: a literal or a name, and perhaps a port. */
static inline bool reader_takes_host(const char *value)
{
	char *host = strdup(value + strspn(value, " \t"));
	char *port;
	bool taken = true;

	if (!host)
		abort();
	while (*host && strchr(" \t", host[strlen(host) - 1]))
		host[strlen(host) - 1] = 0;
	port = strrchr(host, ':');
	if (port && !port[1 + strspn(port + 1, "0123456789")])
		*port = 0;
	if (*host == '[') {
		taken = host[strlen(host) - 1] == ']' && reader_takes_literal(host);
	} else {
		for (char *c = host; *c; c++) {
			if (*c == '%')
				taken &= isxdigit((unsigned char)c[1]) &&
					 isxdigit((unsigned char)c[2]);
			else
				taken &= isalnum((unsigned char)*c) ||
					 strchr("-._~!$&'()*+,;=", *c);
		}
	}
	free(host);
	return taken;
}

struct reader_seen {
	int hosts, lengths, codings;
};

static inline bool reader_takes_field(char *line, struct reader_seen *seen)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return false;
	*colon++ = 0;
	if (!reader_is_token(line))
		return false;
	for (char *c = colon; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return false;
	if (!strcasecmp(line, "host") && !reader_takes_host(colon))
		return false;
	seen->hosts += !strcasecmp(line, "host");
	seen->lengths += !strcasecmp(line, "content-length");
	seen->codings += !strcasecmp(line, "transfer-encoding");
	return true;
}

/* Cut the line that starts at @at off its CRLF. Return: the next line, or NULL. */
static inline char *reader_cut_line(char *at, const char *end)
{
	char *feed = memchr(at, '\n', end - at);

	if (!feed || feed == at || feed[-1] != '\r')
		return NULL;
	feed[-1] = 0;
	if (strlen(at) != (size_t)(feed - 1 - at))	/* a NUL inside */
		return NULL;
	return feed + 1;
}

static inline bool reader_takes(char *at, const char *end)
{
	struct reader_seen seen = { 0 };
	bool needs_host;
	char *next;

	while (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
		at += 2;
	next = reader_cut_line(at, end);
	if (!next || !reader_takes_line(at, &needs_host))
		return false;
	for (at = next; at < end; at = next) {
		next = reader_cut_line(at, end);
		if (!next)
			return false;
		if (!*at)	/* the empty line: the last one */
			break;
		if (!reader_takes_field(at, &seen))
			return false;
	}
	if (next != end || seen.hosts > 1 || (needs_host && seen.hosts != 1))
		return false;
	return seen.lengths + seen.codings <= 1;
}

static inline bool reader_accepts(const char *head, size_t size)
{
	char *copy = malloc(size + 1);
	bool taken;

	if (!copy)
		abort();
	memcpy(copy, head, size);
	copy[size] = 0;
	taken = reader_takes(copy, copy + size);
	free(copy);
	return taken;
}

#endif /* READER_H */
