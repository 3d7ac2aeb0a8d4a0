/* SPDX-License-Identifier: MIT */
/*
 * An allocator for the data of requests that keeps them inside the L2 cache.  You write
 * allocator.c; this file and driver.c stay as they are (the grader uses its own copies).
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES	4096
#define MAX_KINDS	8
#define MAX_STAGES	8

/*
 * A cache, a slab of memory, kinds of objects, and stages of a request.
 *
 * The slab is contiguous to the program.  Its page n lies in page frame frames[n].  Of the pages
 * of one colour (frame modulo colours, colours = sets * line_bytes / PAGE_BYTES) no more than
 * ways_used may hold objects: the rest of the cache belongs to others.
 *
 * A stage allocates needs[stage][kind] objects.  A request goes through all stages, and keeps all
 * its objects up to its end.
 */
struct plan {
	uint32_t line_bytes, sets, ways_used;
	uint32_t pages;
	const uint32_t *frames;
	uint32_t nr_kinds, nr_stages;
	uint32_t bytes[MAX_KINDS];
	uint32_t needs[MAX_STAGES][MAX_KINDS];
};

/*
 * Divide the slab into slots.  @slab begins on a page and has plan->pages pages.  *plan and its
 * frames stay valid.  Called once, before all others.
 */
void allocator_init(const struct plan *plan, unsigned char *slab);

/*
 * Memory for an object of @kind, aligned to a line.  It comes from a free slot of the slab if
 * there is one, else from malloc() ("it spills").  NULL only if malloc() has no more.
 */
void *allocator_alloc(uint32_t kind);

/* Give back what allocator_alloc(kind) returned. */
void allocator_free(uint32_t kind, void *object);

/*
 * How many requests could now go through @stage, one after the other, with all objects that the
 * stage allocates in the slab.  UINT32_MAX if the stage allocates nothing.
 */
uint32_t allocator_query(uint32_t stage);

#endif
