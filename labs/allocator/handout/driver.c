/* SPDX-License-Identifier: MIT */
/*
 * Reads a plan and calls from stdin; answers each call with a line.
 *
 *	a KIND		allocate: the object's offset in the slab, -1 if it is outside
 *	f NUMBER	free what the NUMBERth a gave (from 0): 0, or 1 if its content was changed
 *	q STAGE		query
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"

#define MAX_OBJECTS	(1 << 20)

struct object {
	unsigned char *start;
	uint32_t kind;
};

static struct plan plan;
static uint32_t frames[1 << 16];
static struct object objects[MAX_OBJECTS];
static uint32_t nr_objects;
static unsigned char *slab;

static uint32_t read_number(void)
{
	unsigned int number;

	if (scanf("%u", &number) != 1) {
		fputs("a number is missing\n", stderr);
		exit(2);
	}
	return number;
}

static void read_plan(void)
{
	plan.line_bytes = read_number();
	plan.sets = read_number();
	plan.ways_used = read_number();
	plan.pages = read_number();
	plan.nr_kinds = read_number();
	plan.nr_stages = read_number();
	for (uint32_t i = 0; i < plan.pages; i++)
		frames[i] = read_number();
	for (uint32_t i = 0; i < plan.nr_kinds; i++)
		plan.bytes[i] = read_number();
	for (uint32_t i = 0; i < plan.nr_stages; i++)
		for (uint32_t j = 0; j < plan.nr_kinds; j++)
			plan.needs[i][j] = read_number();
	plan.frames = frames;
}

static void allocate(uint32_t kind)
{
	struct object *object = &objects[nr_objects++ % MAX_OBJECTS];
	uintptr_t offset;

	object->kind = kind;
	object->start = allocator_alloc(kind);
	if (!object->start) {
		puts("none");
		return;
	}
	memset(object->start, nr_objects & 0xff, plan.bytes[kind]);
	offset = (uintptr_t)object->start - (uintptr_t)slab;
	printf("%ld\n", offset < (size_t)plan.pages * PAGE_BYTES ? (long)offset : -1L);
}

static void release(uint32_t number)
{
	struct object *object = &objects[number % MAX_OBJECTS];
	int changed = 0;

	for (uint32_t i = 0; i < plan.bytes[object->kind]; i++)
		changed |= object->start[i] != ((number + 1) & 0xff);
	allocator_free(object->kind, object->start);
	object->start = NULL;
	printf("%d\n", changed);
}

int main(void)
{
	char call[2];

	setvbuf(stdout, NULL, _IOLBF, 0);	/* a crash keeps no answer back */
	read_plan();
	slab = aligned_alloc(PAGE_BYTES, (size_t)plan.pages * PAGE_BYTES);
	if (!slab)
		return 2;
	allocator_init(&plan, slab);
	while (scanf("%1s", call) == 1) {
		uint32_t number = read_number();

		if (*call == 'a')
			allocate(number);
		else if (*call == 'f')
			release(number);
		else if (*call == 'q')
			printf("%u\n", allocator_query(number));
		else
			return 2;
	}
	return 0;
}
