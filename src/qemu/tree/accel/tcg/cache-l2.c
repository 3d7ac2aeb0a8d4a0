/*
 * The second-level cache: policies, and what is off the path of an access
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-l2.h"

#include <stdlib.h>
#include <string.h>

bool cache_l2_init(CacheL2 *c, CacheGeometry g, CachePolicy policy,
                   uint64_t seed)
{
    uint32_t sets = g.size / g.ways / g.line;

    c->set_mask = sets - 1;
    c->ways = g.ways;
    c->line_shift = __builtin_ctz(g.line);
    c->policy = policy;
    c->random = seed;
    c->tag = calloc((size_t)sets * g.ways, sizeof(*c->tag));
    c->tree = calloc(sets, sizeof(*c->tree));
    if (!c->tag || !c->tree) {
        cache_l2_destroy(c);
        return false;
    }
    cache_l2_flush(c);
    return true;
}

void cache_l2_destroy(CacheL2 *c)
{
    free(c->tag);
    free(c->tree);
    c->tag = c->tree = NULL;
}

void cache_l2_flush(CacheL2 *c)
{
    uint32_t sets = c->set_mask + 1;

    memset(c->tag, 0xff, sizeof(*c->tag) * sets * c->ways);
    memset(c->tree, 0, sizeof(*c->tree) * sets);
}

/* splitmix64: a step of the state and a mix of it */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/*
 * Tree pseudo-LRU for any number of ways: node n (from 1) has the children 2n
 * and 2n + 1; its bit names the half used less recently.  A subtree that lies
 * wholly beyond the last way is never chosen.
 */
static uint32_t plru_victim(const CacheL2 *c, uint32_t set)
{
    uint32_t node = 1, low = 0, span = 1;

    while (span < c->ways) {
        span <<= 1;
    }
    while (span > 1) {
        uint32_t right = (c->tree[set] >> node) & 1;

        span >>= 1;
        if (low + span >= c->ways) {
            right = 0;
        }
        low += right * span;
        node = node * 2 + right;
    }
    return low;
}

static void plru_touch(CacheL2 *c, uint32_t set, uint32_t way)
{
    uint32_t node = 1, low = 0, span = 1;

    while (span < c->ways) {
        span <<= 1;
    }
    while (span > 1) {
        uint32_t right;

        span >>= 1;
        right = way >= low + span;
        if (right) {
            c->tree[set] &= ~(1u << node);
        } else {
            c->tree[set] |= 1u << node;
        }
        low += right * span;
        node = node * 2 + right;
    }
}

/* As cache_l1_touch(); ways stay where they are; empty ways are filled first */
bool cache_l2_touch_fixed(CacheL2 *c, uint32_t line, uint32_t *victim)
{
    uint32_t set = line & c->set_mask;
    uint32_t *tag = c->tag + (size_t)set * c->ways;
    uint32_t way = c->ways;
    bool hit = false;

    for (uint32_t w = 0; w < c->ways && !hit; w++) {
        hit = tag[w] >> 1 == line;
        if (hit || (tag[w] == CACHE_L2_INVALID && way == c->ways)) {
            way = w;
        }
    }
    if (way == c->ways) {
        way = c->policy == CACHE_PLRU ? plru_victim(c, set)
                                      : next_random(&c->random) % c->ways;
    }
    *victim = tag[way];
    if (!hit) {
        tag[way] = line << 1;
    }
    if (c->policy == CACHE_PLRU) {
        plru_touch(c, set, way);
    }
    return hit;
}

uint32_t *cache_l2_find(CacheL2 *c, uint32_t line)
{
    uint32_t *tag = c->tag + (size_t)(line & c->set_mask) * c->ways;

    for (uint32_t w = 0; w < c->ways; w++) {
        if (tag[w] >> 1 == line) {
            return tag + w;
        }
    }
    return NULL;
}

void cache_l2_invalidate(CacheL2 *c, uint32_t line)
{
    uint32_t *found = cache_l2_find(c, line);
    uint32_t *end = c->tag + (size_t)((line & c->set_mask) + 1) * c->ways;

    if (!found) {
        return;
    }
    if (c->policy == CACHE_LRU) {
        for (; found + 1 < end; found++) {
            found[0] = found[1];
        }
    }
    *found = CACHE_L2_INVALID;
}
