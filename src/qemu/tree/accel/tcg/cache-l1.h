/*
 * A first-level cache: see cache-hierarchy.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CACHE_L1_H
#define CACHE_L1_H

#include "cache-hierarchy.h"
#include "cache-recency.h"

void cache_l1_init(CacheL1 *c, uint32_t *table, CacheGeometry g);
void cache_l1_flush(CacheL1 *c);

/* Drop the lines that @size bytes lie in, dirty or not */
void cache_l1_dma_write(CacheL1 *c, uint32_t address, uint32_t size);

/* A word that no address of the slot's set can match, even with bit 0 set */
static inline uint32_t cache_l1_invalid(const CacheL1 *c, uint32_t index)
{
    return index ^ c->line;
}

/*
 * Make @line the most recently used of its set.
 *
 * Return: true on a hit; else *@victim is the line that left (bit 0: dirty),
 * or a word of another set if the way was empty
 */
static inline bool cache_l1_touch(CacheL1 *c, uint32_t line, bool store,
                                  uint32_t *victim)
{
    uint32_t index = line & c->index_mask;
    uint32_t *slot = c->table + index / 4;
    uint32_t carry = slot[0] | (slot[0] == slot[1] ? CACHE_DIRTY : 0);
    bool hit = (carry & ~CACHE_DIRTY) == line;

    for (uint32_t w = 2; w <= c->ways && !hit; w++) {
        uint32_t next = slot[w];

        slot[w] = carry;
        carry = next;
        hit = (carry & ~CACHE_DIRTY) == line;
    }
    slot[0] = line;
    if (store || (hit && (carry & CACHE_DIRTY))) {
        slot[1] = line;
    } else {
        slot[1] = cache_l1_invalid(c, index);
    }
    *victim = carry;
    return hit;
}

#if defined(__x86_64__)
/* As cache_l1_touch() for eight ways */
__attribute__((target("avx2")))
static inline bool cache_l1_touch_8(CacheL1 *c, uint32_t line, bool store,
                                    uint32_t *victim)
{
    uint32_t index = line & c->index_mask;
    uint32_t *slot = c->table + index / 4;
    uint32_t first = slot[0] | (slot[0] == slot[1]);
    __m256i ways = _mm256_loadu_si256((__m256i *)(slot + 1));
    bool hit;

    ways = _mm256_blend_epi32(ways, _mm256_set1_epi32(first), 1);
    hit = cache_to_front_8(&ways, line);
    *victim = _mm256_cvtsi256_si32(ways);
    _mm256_storeu_si256((__m256i *)(slot + 1), ways);
    slot[0] = line;
    slot[1] = store || (hit && (*victim & CACHE_DIRTY))
        ? line : cache_l1_invalid(c, index);
    return hit;
}
#endif

#endif
