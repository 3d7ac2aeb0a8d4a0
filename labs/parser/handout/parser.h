/* SPDX-License-Identifier: MIT */
/*
 * The head of an HTTP request.  parser.c is yours to mend; this file and run.c stay as they are
 * (the grader uses its own copies).  README.md has the rules in words.
 */
#ifndef PARSER_H
#define PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_SIZE	32	/* bytes of a decoded path, and a NUL behind them */
#define MAX_FIELDS	8

struct request {
	bool head;			/* HEAD, else GET */
	unsigned int minor;		/* HTTP/1.0 or HTTP/1.1 */
	char path[PATH_SIZE];		/* decoded, ends with NUL, zeros behind it */
	unsigned int nr_fields;
	bool has_length;
	uint64_t length;		/* Content-Length */
	bool has_range;
	uint64_t first, last;		/* Range: bytes=first-last */
};

enum {
	BAD = -1,
	INCOMPLETE = 0
};

/*
 * Parse the head of a request.  Return the bytes that it takes, INCOMPLETE if @data is the begin
 * of a head that goes on, BAD if it can be no head.  *request is only valid after a number > 0.
 */
long parse_request(const uint8_t *data, size_t length, struct request *request);

/*
 * Print a request so that parsing it gives the same request, but for nr_fields.  Return the bytes
 * printed, or 0 if @size is too small (512 is enough).
 */
size_t print_request(const struct request *request, char *buffer, size_t size);

/* Yours, in law.c: whether the parser keeps its laws on this input. */
bool law_holds(const uint8_t *data, size_t length);

#endif
