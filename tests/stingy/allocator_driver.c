/* SPDX-License-Identifier: MIT */
/* Runs the calls that stdin asks for on a generated allocator, and answers each with a line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stingy.h"

#define HANDLES 4096

struct handle {
	unsigned char *start;
	size_t bytes;
	unsigned char fill;
};

static struct handle handles[HANDLES];
static int count;
static unsigned char *origin;

/* Answer with the object's offset in the region, -1 for none or -2 if it is elsewhere; fill it with
 * a value of its own. */
static void keep(void *pointer, size_t bytes)
{
	struct handle *handle = &handles[count++];

	handle->start = pointer;
	handle->bytes = bytes;
	handle->fill = count % 251 + 1;
	if (pointer)
		memset(pointer, handle->fill, bytes);
	if (!pointer)
		printf("-1\n");
	else if (!stingy_owns(pointer))
		printf("-2\n");
	else
		printf("%ld\n", (long)(handle->start - origin));
}

/* Give an object back; its content was checked and is nobody's any more. */
static int give_back(int object, unsigned char *start)
{
	int done = stingy_free(object, start);

	for (int i = 0; done && i < count; i++)
		if (handles[i].start == start)
			handles[i].bytes = 0;
	return done;
}

static int intact(const struct handle *handle)
{
	for (size_t i = 0; i < handle->bytes; i++)
		if (handle->start[i] != handle->fill)
			return 0;
	return 1;
}

#ifdef RESIZE
/* Resize an object: what it had before is still there, and it gets another handle. */
static void resize(struct handle *old, int object, size_t bytes)
{
	size_t kept = old->bytes < bytes ? old->bytes : bytes;
	struct handle now = { .bytes = kept, .fill = old->fill };

	if (!intact(old))
		exit(4);
	now.start = stingy_resize(object, old->start, bytes);
	if (now.start || !bytes)
		old->bytes = 0;
	if (now.start && !intact(&now))
		exit(4);
	keep(now.start, bytes);
}
#endif

static int all_clear(const unsigned char *start, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (start[i])
			return 0;
	return 1;
}

static void answer_fits(int to_end)
{
	unsigned int batch[STINGY_STAGES];

	for (int i = 0; i < STINGY_STAGES; i++)
		if (scanf("%u", &batch[i]) != 1)
			exit(2);
	printf("%d\n", to_end ? stingy_fits_to_end(batch) : stingy_fits(batch));
}

static long read_number(void)
{
	long number;

	if (scanf("%ld", &number) != 1)
		exit(2);
	return number;
}

static void run(char command)
{
	long a, b;

	switch (command) {
	case 'a': /* object, bytes that may be touched */
		a = read_number();
		b = read_number();
		keep(stingy_alloc(a), b);
		break;
	case 'b': /* object, bytes */
		a = read_number();
		b = read_number();
		keep(stingy_alloc_bytes(a, b), b);
		break;
	case 'z': { /* object, count, bytes: cleared? */
		a = read_number();
		b = read_number();
		size_t each = read_number();
		unsigned char *start = stingy_calloc(a, b, each);

		if (start && !all_clear(start, b * each))
			exit(3);
		keep(start, b * each);
		break;
	}
	case 'f': /* handle, object */
		a = read_number();
		b = read_number();
		if (handles[a].start && !intact(&handles[a]))
			exit(4);
		printf("%d\n", give_back(b, handles[a].start));
		break;
#ifdef RESIZE
	case 'x': /* handle, object, bytes */
		a = read_number();
		b = read_number();
		resize(&handles[a], b, read_number());
		break;
#endif
	case 'd': /* handle, object, distance: give a wrong pointer back */
		a = read_number();
		b = read_number();
		printf("%d\n", stingy_free(b, (void *)((uintptr_t)handles[a].start + read_number())));
		break;
	case 'w': /* handle, distance: write a byte there */
		a = read_number();
		handles[a].start[read_number()] = 1;
		printf("0\n");
		break;
	case 'q':
		printf("%u\n", stingy_query(read_number()));
		break;
	case 'e':
		printf("%u\n", stingy_query_to_end(read_number()));
		break;
	case 'h':
		printf("%d\n", stingy_holds_all(read_number()));
		break;
	case 't':
		printf("%d\n", stingy_allocates(read_number()));
		break;
	case 'r':
		printf("%u\n", stingy_room(read_number()));
		break;
	case 'F':
		answer_fits(0);
		break;
	case 'E':
		answer_fits(1);
		break;
	case 's':
		stingy_show(stdout);
		break;
	default:
		exit(2);
	}
}

int main(void)
{
	char command;

	/* stingy_start() ran before main(); the slabs are what stingy_stack_top() stands in. */
	if (!stingy_stack_top())
		return 5;
	origin = (unsigned char *)stingy_stack_top() - STINGY_STACK_BYTES - STINGY_LOW_BYTES;
	if ((unsigned long)origin % STINGY_ALIGNMENT || !stingy_owns(origin) ||
	    stingy_owns(origin - 1) || stingy_owns(origin + STINGY_REGION_BYTES))
		return 6;
	while (scanf(" %c", &command) == 1)
		run(command);
	return 0;
}
