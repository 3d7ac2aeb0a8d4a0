/* SPDX-License-Identifier: MIT */
/*
 * Four laws: what was in *request before makes no difference; what follows a head neither; no head
 * begins with a shorter one; and a printed request is parsed to the same request.
 */
#include <stdlib.h>
#include <string.h>

#include "parser.h"

static bool is_same(const struct request *a, const struct request *b)
{
	return a->head == b->head && a->minor == b->minor && !memcmp(a->path, b->path, PATH_SIZE) &&
	       a->has_length == b->has_length && (!a->has_length || a->length == b->length) &&
	       a->has_range == b->has_range &&
	       (!a->has_range || (a->first == b->first && a->last == b->last));
}

static bool repeats(const uint8_t *data, size_t length, long taken, const struct request *request)
{
	struct request other;

	memset(&other, 1, sizeof(other));
	return parse_request(data, length, &other) == taken &&
	       (taken <= 0 || is_same(request, &other));
}

static bool stands_alone(const uint8_t *data, size_t taken, const struct request *request)
{
	uint8_t *copy = malloc(taken + 2);
	struct request other = { 0 };
	bool same;

	if (!copy)
		abort();
	memcpy(copy, data, taken);
	memcpy(copy + taken, "GX", 2);
	same = parse_request(copy, taken, &other) == (long)taken && is_same(request, &other) &&
	       parse_request(copy, taken + 2, &other) == (long)taken && is_same(request, &other);
	free(copy);
	return same;
}

static bool has_no_shorter(const uint8_t *data, size_t taken)
{
	struct request other = { 0 };

	for (size_t length = 0; length < taken; length++)
		if (parse_request(data, length, &other) != INCOMPLETE)
			return false;
	return true;
}

static bool prints(const struct request *request)
{
	struct request other = { 0 };
	char buffer[512];
	size_t printed = print_request(request, buffer, sizeof(buffer));

	return printed && parse_request((uint8_t *)buffer, printed, &other) == (long)printed &&
	       is_same(request, &other);
}

bool law_holds(const uint8_t *data, size_t length)
{
	struct request request = { 0 };
	long taken = parse_request(data, length, &request);

	if (!repeats(data, length, taken, &request))
		return false;
	return taken <= 0 || (stands_alone(data, taken, &request) &&
			      has_no_shorter(data, taken) && prints(&request));
}
