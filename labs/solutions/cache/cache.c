/* SPDX-License-Identifier: MIT */
/* A cache hierarchy: each set is an array of ways; LRU keeps it in order of recency. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"

#define EMPTY UINT64_MAX

struct way {
	uint64_t line;
	bool dirty;
};

struct cache {
	struct way *ways;		/* [set][way] */
	uint8_t *tree;			/* [set][node], PLRU; node 1 is the root */
	uint32_t sets, nr_ways, line_bytes;
};

static struct cache l1i, l1d, l2;
static struct counts counts;

static void make_empty(struct cache *cache, const struct shape *shape, enum policy policy)
{
	uint32_t lines = shape->size / shape->line;

	free(cache->ways);
	free(cache->tree);
	cache->nr_ways = shape->ways;
	cache->line_bytes = shape->line;
	cache->sets = lines / shape->ways;
	cache->ways = malloc(lines * sizeof(*cache->ways));
	cache->tree = policy == PLRU ? calloc(lines, 1) : NULL;
	if (!cache->ways || (policy == PLRU && !cache->tree))
		abort();
	for (uint32_t i = 0; i < lines; i++)
		cache->ways[i] = (struct way){ EMPTY, false };
}

static uint32_t set_of(const struct cache *cache, uint64_t line)
{
	return line & (cache->sets - 1);
}

static struct way *find(struct cache *cache, uint64_t line)
{
	struct way *set = cache->ways + set_of(cache, line) * cache->nr_ways;

	for (uint32_t i = 0; i < cache->nr_ways; i++)
		if (set[i].line == line)
			return set + i;
	return NULL;
}

/* Make @way the first of its set; those before it move back by one. */
static void move_to_front(struct way *set, struct way *way)
{
	struct way first = *way;

	memmove(set + 1, set, (way - set) * sizeof(*set));
	*set = first;
}

static void turn_away(uint8_t *tree, uint32_t nr_ways, uint32_t way)
{
	for (uint32_t node = way + nr_ways; node > 1; node /= 2)
		tree[node / 2] = !(node & 1);
}

static uint32_t find_victim(const uint8_t *tree, uint32_t nr_ways)
{
	uint32_t node = 1;

	while (node < nr_ways)
		node = 2 * node + tree[node];
	return node - nr_ways;
}

/* The way that a new line takes: an empty one if there is any, the lowest. */
static struct way *choose(struct cache *cache, struct way *set, const uint8_t *tree)
{
	for (uint32_t i = 0; i < cache->nr_ways; i++)
		if (set[i].line == EMPTY)
			return set + i;
	return set + (tree ? find_victim(tree, cache->nr_ways) : cache->nr_ways - 1);
}

/* Look @line up and fill it; *victim is what went for it. */
static bool touch(struct cache *cache, uint64_t line, bool dirty, struct way *victim)
{
	struct way *way = find(cache, line);
	struct way *set = cache->ways + set_of(cache, line) * cache->nr_ways;
	uint8_t *tree = cache->tree ? cache->tree + set_of(cache, line) * cache->nr_ways : NULL;
	bool hit = way;

	*victim = (struct way){ EMPTY, false };
	if (!hit) {
		way = choose(cache, set, tree);
		*victim = *way;
		*way = (struct way){ line, false };
	}
	way->dirty |= dirty;
	if (tree)
		turn_away(tree, cache->nr_ways, way - set);
	else
		move_to_front(set, way);
	return hit;
}

static void miss(enum kind kind, uint64_t address)
{
	struct way gone;

	counts.l1[kind]++;
	if (touch(&l2, address / l2.line_bytes, false, &gone))
		return;
	counts.l2[kind]++;
	if (gone.line != EMPTY && gone.dirty)
		counts.writebacks++;
}

static void write_back(uint64_t address)
{
	struct way *below = find(&l2, address / l2.line_bytes);

	if (below)
		below->dirty = true;
	else
		counts.writebacks++;
}

void sim_init(const struct config *config)
{
	make_empty(&l1i, &config->l1i, LRU);
	make_empty(&l1d, &config->l1d, LRU);
	make_empty(&l2, &config->l2, config->policy);
	counts = (struct counts){ 0 };
}

void sim_access(enum kind kind, uint32_t address, uint32_t size)
{
	struct cache *l1 = kind == FETCH ? &l1i : &l1d;
	uint64_t last = ((uint64_t)address + size - 1) / l1->line_bytes;
	struct way gone;

	for (uint64_t line = address / l1->line_bytes; line <= last; line++) {
		if (touch(l1, line, kind == STORE, &gone))
			continue;
		miss(kind, line * l1->line_bytes);
		if (gone.line != EMPTY && gone.dirty)
			write_back(gone.line * l1->line_bytes);
	}
}

static uint64_t drop(struct cache *cache, uint32_t address, uint32_t size)
{
	uint64_t first = address / cache->line_bytes;
	uint64_t last = ((uint64_t)address + size - 1) / cache->line_bytes;

	for (uint64_t line = first; line <= last; line++) {
		struct way *way = find(cache, line);

		if (way)
			*way = (struct way){ EMPTY, false };
	}
	return last - first + 1;
}

void sim_dma(uint32_t address, uint32_t size)
{
	drop(&l1i, address, size);
	drop(&l1d, address, size);
	counts.dma_lines += drop(&l2, address, size);
}

const struct counts *sim_counts(void)
{
	return &counts;
}
