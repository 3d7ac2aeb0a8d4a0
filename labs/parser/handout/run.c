/* SPDX-License-Identifier: MIT */
/*
 * Runs the parser (or with "law" as the argument, your law) on inputs from stdin, each with its
 * length in front (4 bytes, little endian), or on one file: ./run parse FILE, ./run law FILE.
 * Prints a line for each input.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"

#ifdef FAULTS
extern unsigned int FAULTS;
#endif

static void print_result(const uint8_t *data, size_t length)
{
	struct request r;
	long taken;

	memset(&r, 0, sizeof(r));
	taken = parse_request(data, length, &r);
	if (taken <= 0) {
		printf("%s\n", taken == BAD ? "bad" : taken == INCOMPLETE ? "incomplete" : "?");
		return;
	}
	printf("%ld %s 1.%u ", taken, r.head ? "HEAD" : "GET", r.minor);
	for (const char *c = r.path; c < r.path + PATH_SIZE && *c; c++)
		printf("%02x", (unsigned char)*c);
	printf(" %u", r.nr_fields);
	if (r.has_length)
		printf(" length=%" PRIu64, r.length);
	if (r.has_range)
		printf(" range=%" PRIu64 "-%" PRIu64, r.first, r.last);
	putchar('\n');
}

/* The input is alone in memory of its own size, so that AddressSanitizer sees each step beside it. */
static void run(bool law, const uint8_t *data, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	if (!copy)
		exit(2);
	memcpy(copy, data, length);
	if (law)
		puts(law_holds(copy, length) ? "holds" : "broken");
	else
		print_result(copy, length);
	fflush(stdout);
	free(copy);
}

int main(int argc, char **argv)
{
	static uint8_t data[1 << 16];
	bool law = argc > 1 && !strcmp(argv[1], "law");
	uint8_t head[4];

#ifdef FAULTS
	FAULTS = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	argc = 2;
#endif
	if (argc > 2) {
		FILE *file = fopen(argv[2], "rb");

		if (!file)
			return 2;
		run(law, data, fread(data, 1, sizeof(data), file));
		fclose(file);
		return 0;
	}
	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		size_t length = head[0] | head[1] << 8;

		if (fread(data, 1, length, stdin) != length)
			return 2;
		run(law, data, length);
	}
	return 0;
}
