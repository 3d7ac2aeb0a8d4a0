/*
 * The path of an access through the hierarchy: see cache-hierarchy.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * To be specialised by its callers for numbers of ways and kinds of access.
 */
#ifndef CACHE_ACCESS_H
#define CACHE_ACCESS_H

#include "cache-l1.h"
#include "cache-l2.h"

static inline uint32_t cache_l2_line(const CacheHierarchy *h, uint32_t address)
{
    return (address - h->base) >> h->l2.line_shift;
}

/* L1D evicted the dirty line at @address */
static inline void cache_write_back(CacheHierarchy *h, uint32_t address)
{
    uint32_t *found = cache_l2_find(&h->l2, cache_l2_line(h, address));

    if (found) {
        *found |= CACHE_DIRTY;
    } else {
        h->n.writeback++;
    }
}

typedef bool CacheL1Touch(CacheL1 *c, uint32_t line, bool store,
                          uint32_t *victim);
typedef bool CacheL2Touch(CacheL2 *c, uint32_t line, uint32_t *victim);

/* The line at @address missed L1; @kind, @kernel and @stall as in the access */
__attribute__((always_inline))
static inline unsigned cache_l2_access(CacheHierarchy *h, CacheAccess kind,
                                       uint32_t address, unsigned kernel,
                                       uint32_t *stall, CacheL2Touch *touch)
{
    uint32_t line = cache_l2_line(h, address);
    uint32_t victim;

    *stall += h->stall_l1[kind];
    h->n.l1[kind][kernel]++;
    if (touch(&h->l2, line, &victim)) {
        return CACHE_MISSED_L1;
    }
    *stall += h->stall_l2[kind];
    h->n.l2[kind][kernel]++;
    if (victim != CACHE_L2_INVALID && (victim & CACHE_DIRTY)) {
        h->n.writeback++;
    }
    if (kind != CACHE_FETCH && h->region) {
        h->n.region_l2[h->region[line]]++;
    }
    return CACHE_MISSED_L1 | CACHE_MISSED_L2;
}

__attribute__((always_inline))
static inline unsigned cache_line_access(CacheHierarchy *h, CacheAccess kind,
                                         uint32_t line, unsigned kernel,
                                         uint32_t *stall,
                                         CacheL1Touch *touch_l1,
                                         CacheL2Touch *touch_l2)
{
    CacheL1 *l1 = kind == CACHE_FETCH ? &h->l1i : &h->l1d;
    uint32_t victim;
    unsigned missed;

    if (touch_l1(l1, line, kind == CACHE_STORE, &victim)) {
        return 0;
    }
    missed = cache_l2_access(h, kind, line, kernel, stall, touch_l2);
    if ((victim & CACHE_DIRTY) && !((victim ^ line) & l1->index_mask)) {
        cache_write_back(h, victim & ~CACHE_DIRTY);
    }
    return missed;
}

/* All that an access does; see cache_hierarchy_access() */
__attribute__((always_inline))
static inline unsigned cache_access_lines(CacheHierarchy *h, CacheAccess kind,
                                          uint32_t address, uint32_t size,
                                          unsigned kernel, uint32_t *stall,
                                          CacheL1Touch *touch_l1,
                                          CacheL2Touch *touch_l2)
{
    uint32_t length = kind == CACHE_FETCH ? h->l1i.line : h->l1d.line;
    uint32_t line = address & ~(length - 1);
    uint32_t last = (address + size - 1) & ~(length - 1);
    unsigned missed = cache_line_access(h, kind, line, kernel, stall, touch_l1,
                                        touch_l2);

    while (line != last) {
        line += length;
        missed |= cache_line_access(h, kind, line, kernel, stall, touch_l1,
                                    touch_l2);
    }
    return missed;
}

#endif
