/*
 * Cache hierarchy of one core: see cache-hierarchy.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-hierarchy.h"
#include "cache-l1.h"
#include "cache-l2.h"

void cache_hierarchy_destroy(CacheHierarchy *h)
{
    cache_l2_destroy(&h->l2);
}

void cache_hierarchy_flush(CacheHierarchy *h)
{
    cache_l1_flush(&h->l1i);
    cache_l1_flush(&h->l1d);
    cache_l2_flush(&h->l2);
}

static uint32_t l2_line(const CacheHierarchy *h, uint32_t address)
{
    return (address - h->base) >> h->l2.line_shift;
}

/* L1D evicted the dirty line at @address */
static void write_back(CacheHierarchy *h, uint32_t address)
{
    uint32_t *found = cache_l2_find(&h->l2, l2_line(h, address));

    if (found) {
        *found |= CACHE_DIRTY;
    } else {
        h->n.writeback++;
    }
}

typedef bool L1Touch(CacheL1 *c, uint32_t line, bool store, uint32_t *victim);
typedef bool L2Touch(CacheL2 *c, uint32_t line, uint32_t *victim);

/* The line at @address missed L1; @kind, @kernel and @stall as in the access */
__attribute__((always_inline))
static inline unsigned l2_access(CacheHierarchy *h, CacheAccess kind,
                                 uint32_t address, unsigned kernel,
                                 uint32_t *stall, L2Touch *touch)
{
    uint32_t line = l2_line(h, address);
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
static inline unsigned line_access(CacheHierarchy *h, CacheAccess kind,
                                   uint32_t line, unsigned kernel,
                                   uint32_t *stall, L1Touch *touch_l1,
                                   L2Touch *touch_l2)
{
    CacheL1 *l1 = kind == CACHE_FETCH ? &h->l1i : &h->l1d;
    uint32_t victim;
    unsigned missed;

    if (touch_l1(l1, line, kind == CACHE_STORE, &victim)) {
        return 0;
    }
    missed = l2_access(h, kind, line, kernel, stall, touch_l2);
    if ((victim & CACHE_DIRTY) && !((victim ^ line) & l1->index_mask)) {
        write_back(h, victim & ~CACHE_DIRTY);
    }
    return missed;
}

/* All that an access does, to be specialised for ways by the compiler */
__attribute__((always_inline))
static inline unsigned access_lines(CacheHierarchy *h, CacheAccess kind,
                                    uint32_t address, uint32_t size,
                                    unsigned kernel, uint32_t *stall,
                                    L1Touch *touch_l1, L2Touch *touch_l2)
{
    uint32_t length = kind == CACHE_FETCH ? h->l1i.line : h->l1d.line;
    uint32_t line = address & ~(length - 1);
    uint32_t last = (address + size - 1) & ~(length - 1);
    unsigned missed = line_access(h, kind, line, kernel, stall, touch_l1,
                                  touch_l2);

    while (line != last) {
        line += length;
        missed |= line_access(h, kind, line, kernel, stall, touch_l1, touch_l2);
    }
    return missed;
}

static unsigned access_any(CacheHierarchy *h, CacheAccess kind,
                           uint32_t address, uint32_t size,
                           unsigned kernel, uint32_t *stall)
{
    return access_lines(h, kind, address, size, kernel, stall, cache_l1_touch,
                        cache_l2_touch);
}

#if defined(__x86_64__)
/* Eight ways in L2, least recently used */
__attribute__((target("avx2")))
static unsigned access_any_8(CacheHierarchy *h, CacheAccess kind,
                             uint32_t address, uint32_t size,
                             unsigned kernel, uint32_t *stall)
{
    return access_lines(h, kind, address, size, kernel, stall, cache_l1_touch,
                        cache_l2_touch_lru_8);
}

/* Eight ways in all caches */
__attribute__((target("avx2")))
static unsigned access_8_8(CacheHierarchy *h, CacheAccess kind,
                           uint32_t address, uint32_t size,
                           unsigned kernel, uint32_t *stall)
{
    return access_lines(h, kind, address, size, kernel, stall, cache_l1_touch_8,
                        cache_l2_touch_lru_8);
}

/* A slot of 64 bytes has room for what a vector holds of it */
static bool fits_vector(const CacheL1 *c)
{
    return c->ways == 8 && c->line >= 64;
}
#endif

static CacheAccessFn *choose_access(const CacheHierarchy *h)
{
#if defined(__x86_64__)
    if (h->l2.policy == CACHE_LRU && h->l2.ways == 8 &&
        __builtin_cpu_supports("avx2")) {
        return fits_vector(&h->l1i) && fits_vector(&h->l1d) ? access_8_8
                                                            : access_any_8;
    }
#endif
    return access_any;
}

bool cache_hierarchy_init(CacheHierarchy *h, uint32_t *fetch_table,
                          uint32_t *data_table, CacheGeometry l1i,
                          CacheGeometry l1d, CacheGeometry l2,
                          CachePolicy policy, uint64_t seed, uint32_t base)
{
    if (!cache_l2_init(&h->l2, l2, policy, seed)) {
        return false;
    }
    cache_l1_init(&h->l1i, fetch_table, l1i);
    cache_l1_init(&h->l1d, data_table, l1d);
    h->base = base;
    h->access = choose_access(h);
    return true;
}

void cache_hierarchy_dma_write(CacheHierarchy *h, uint32_t address,
                               uint32_t size)
{
    uint32_t first_l2 = l2_line(h, address);
    uint32_t last_l2 = l2_line(h, address + size - 1);

    cache_l1_dma_write(&h->l1i, address, size);
    cache_l1_dma_write(&h->l1d, address, size);
    for (uint32_t l = first_l2; l <= last_l2; l++) {
        cache_l2_invalidate(&h->l2, l);
        h->n.dma_lines++;
    }
}
