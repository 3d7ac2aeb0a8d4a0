/* SPDX-License-Identifier: MIT */
/*
 * Slots of each kind in extents of usable pages: of each colour no more pages are used than the
 * plan allows.  As many whole requests as fit get their slots, large objects first.
 */
#include <stdlib.h>
#include <string.h>

#include "allocator.h"

struct extent {
	size_t start, end;		/* offsets in the slab */
	size_t next;			/* the first byte that is not taken */
};

struct pool {
	unsigned char **free;		/* a stack of free slots */
	uint32_t nr_free;
};

static const struct plan *plan;
static unsigned char *slab;
static struct extent *extents;
static uint32_t nr_extents;
static struct pool pools[MAX_KINDS];

static void *get_memory(size_t count, size_t bytes)
{
	void *memory = calloc(count ? count : 1, bytes);

	if (!memory)
		abort();
	return memory;
}

static void find_extents(void)
{
	uint32_t colours = plan->sets * plan->line_bytes / PAGE_BYTES;
	uint32_t *used = get_memory(colours, sizeof(*used));
	bool adjacent = false;

	extents = get_memory(plan->pages, sizeof(*extents));
	for (uint32_t page = 0; page < plan->pages; page++) {
		uint32_t *ways = &used[plan->frames[page] % colours];

		if (*ways == plan->ways_used) {
			adjacent = false;
			continue;
		}
		(*ways)++;
		if (!adjacent)
			extents[nr_extents++].start = (size_t)page * PAGE_BYTES;
		extents[nr_extents - 1].end = (size_t)(page + 1) * PAGE_BYTES;
		adjacent = true;
	}
	free(used);
}

static size_t slot_bytes(uint32_t kind)
{
	return (plan->bytes[kind] + plan->line_bytes - 1) / plan->line_bytes * plan->line_bytes;
}

static uint32_t per_request(uint32_t kind)
{
	uint32_t count = 0;

	for (uint32_t stage = 0; stage < plan->nr_stages; stage++)
		count += plan->needs[stage][kind];
	return count;
}

static unsigned char *take(size_t bytes)
{
	for (uint32_t i = 0; i < nr_extents; i++) {
		struct extent *extent = &extents[i];

		if (extent->end - extent->next >= bytes) {
			extent->next += bytes;
			return slab + extent->next - bytes;
		}
	}
	return NULL;
}

/* The largest kind that is not yet done, or -1. */
static int next_kind(const bool *done)
{
	int largest = -1;

	for (uint32_t kind = 0; kind < plan->nr_kinds; kind++)
		if (!done[kind] && (largest < 0 || plan->bytes[kind] > plan->bytes[largest]))
			largest = kind;
	return largest;
}

static bool place(uint32_t requests)
{
	bool done[MAX_KINDS] = { false };
	int kind;

	for (uint32_t i = 0; i < nr_extents; i++)
		extents[i].next = extents[i].start;
	while ((kind = next_kind(done)) >= 0) {
		struct pool *pool = &pools[kind];
		uint32_t wanted = requests * per_request(kind);

		done[kind] = true;
		free(pool->free);
		pool->free = get_memory(wanted, sizeof(*pool->free));
		for (pool->nr_free = 0; pool->nr_free < wanted; pool->nr_free++) {
			pool->free[pool->nr_free] = take(slot_bytes(kind));
			if (!pool->free[pool->nr_free])
				return false;
		}
	}
	return true;
}

void allocator_init(const struct plan *new_plan, unsigned char *new_slab)
{
	size_t bytes = 0;
	uint32_t requests;

	plan = new_plan;
	slab = new_slab;
	find_extents();
	for (uint32_t kind = 0; kind < plan->nr_kinds; kind++)
		bytes += per_request(kind) * slot_bytes(kind);
	requests = plan->pages * (size_t)PAGE_BYTES / bytes;
	while (!place(requests))
		requests--;
}

void *allocator_alloc(uint32_t kind)
{
	struct pool *pool = &pools[kind];
	void *object = NULL;

	if (pool->nr_free)
		return pool->free[--pool->nr_free];
	if (posix_memalign(&object, plan->line_bytes, slot_bytes(kind)))
		return NULL;
	return object;
}

void allocator_free(uint32_t kind, void *object)
{
	uintptr_t offset = (uintptr_t)object - (uintptr_t)slab;

	if (offset < (size_t)plan->pages * PAGE_BYTES)
		pools[kind].free[pools[kind].nr_free++] = object;
	else
		free(object);
}

uint32_t allocator_query(uint32_t stage)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t kind = 0; kind < plan->nr_kinds; kind++) {
		uint32_t needed = plan->needs[stage][kind];

		if (needed && pools[kind].nr_free / needed < least)
			least = pools[kind].nr_free / needed;
	}
	return least;
}
