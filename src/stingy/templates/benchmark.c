/* SPDX-License-Identifier: MIT */
/* Times requests on Stingy and on malloc(); see allocator_benchmark.py. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stingy.h"

#define PAIRS 400000

static const enum stingy_object objects[] = { OBJECTS };
static const size_t sizes[] = { SIZES };

#define COUNT (sizeof(sizes) / sizeof(sizes[0]))

static void **held;

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void touch(volatile unsigned char *start, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i += LINE)
		start[i] = 1;
}

/* One request ends, another begins in its place. */
static void renew(void **request, int stingy, int touched)
{
	size_t i;

	for (i = 0; i < COUNT; i++) {
		if (stingy)
			stingy_free(objects[i], request[i]);
		else
			free(request[i]);
	}
	for (i = 0; i < COUNT; i++) {
		request[i] = stingy ? stingy_alloc(objects[i]) : malloc(sizes[i]);
		if (!request[i])
			exit(3);
		if (touched)
			touch(request[i], sizes[i]);
	}
}

static void run(int stingy, size_t live, int touched)
{
	size_t requests = PAIRS / COUNT, i;
	double start, end;

	held = calloc(live * COUNT, sizeof(*held));
	if (!held)
		exit(3);
	for (i = 0; i < live; i++)
		renew(held + i * COUNT, stingy, touched);
	start = now_ns();
	for (i = 0; i < requests; i++)
		renew(held + i % live * COUNT, stingy, touched);
	end = now_ns();
	for (i = 0; i < live * COUNT; i++) {
		if (stingy)
			stingy_free(objects[i % COUNT], held[i]);
		else
			free(held[i]);
	}
	free(held);
	printf("{\"allocator\": \"%s\", \"live\": %zu, \"touched\": %s, \"ns\": %.2f}\n",
	       stingy ? "stingy" : "malloc", live, touched ? "true" : "false",
	       (end - start) / (double)(requests * COUNT));
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1, round, i;

	for (round = 0; round < rounds; round++) {
		for (i = 2; i < argc; i++) {
			run(0, (size_t)atol(argv[i]), 0);
			run(1, (size_t)atol(argv[i]), 0);
			run(0, (size_t)atol(argv[i]), 1);
			run(1, (size_t)atol(argv[i]), 1);
		}
	}
	return 0;
}
