/*
 * The second-level cache: see cache-hierarchy.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CACHE_L2_H
#define CACHE_L2_H

#include <stddef.h>

#include "cache-hierarchy.h"
#include "cache-recency.h"

#define CACHE_L2_INVALID UINT32_MAX

/* Return: false if memory is short */
bool cache_l2_init(CacheL2 *c, CacheGeometry g, CachePolicy policy,
                   uint64_t seed);
void cache_l2_destroy(CacheL2 *c);
void cache_l2_flush(CacheL2 *c);

/* Drop the line number @line, dirty or not */
void cache_l2_invalidate(CacheL2 *c, uint32_t line);

/* Return: the way that holds @line, or NULL */
uint32_t *cache_l2_find(CacheL2 *c, uint32_t line);

/* As cache_l2_touch_lru() for the policies by which ways stay where they are */
bool cache_l2_touch_fixed(CacheL2 *c, uint32_t line, uint32_t *victim);

/* As cache_l1_touch(), for the line number @line; ways are kept by recency */
static inline bool cache_l2_touch_lru(CacheL2 *c, uint32_t line,
                                      uint32_t *victim)
{
    uint32_t *tag = c->tag + (size_t)(line & c->set_mask) * c->ways;
    uint32_t carry = tag[0];
    bool hit = carry >> 1 == line;

    for (uint32_t w = 1; w < c->ways && !hit; w++) {
        uint32_t next = tag[w];

        tag[w] = carry;
        carry = next;
        hit = carry >> 1 == line;
    }
    tag[0] = line << 1 | (hit ? carry & CACHE_DIRTY : 0);
    *victim = carry;
    return hit;
}

static inline bool cache_l2_touch(CacheL2 *c, uint32_t line, uint32_t *victim)
{
    return c->policy == CACHE_LRU ? cache_l2_touch_lru(c, line, victim)
                                  : cache_l2_touch_fixed(c, line, victim);
}

#if defined(__x86_64__)
/* As cache_l2_touch_lru() for eight ways */
__attribute__((target("avx2")))
static inline bool cache_l2_touch_lru_8(CacheL2 *c, uint32_t line,
                                        uint32_t *victim)
{
    uint32_t *tag = c->tag + (size_t)(line & c->set_mask) * 8;
    __m256i ways = _mm256_loadu_si256((__m256i *)tag);
    bool hit = cache_to_front_8(&ways, line << 1);

    *victim = _mm256_cvtsi256_si32(ways);
    _mm256_storeu_si256((__m256i *)tag, ways);
    tag[0] = line << 1 | (hit ? *victim & CACHE_DIRTY : 0);
    return hit;
}
#endif

#endif
