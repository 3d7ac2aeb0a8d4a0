/*
 * Cache hierarchy of one core: see cache-hierarchy.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-hierarchy.h"
#include "cache-access.h"

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

static unsigned access_any(CacheHierarchy *h, CacheAccess kind,
                           uint32_t address, uint32_t size,
                           unsigned kernel, uint32_t *stall)
{
    return cache_access_lines(h, kind, address, size, kernel, stall,
                              cache_l1_touch, cache_l2_touch);
}

#if defined(__x86_64__)
/* Eight ways in L2, least recently used */
__attribute__((target("avx2")))
static unsigned access_any_8(CacheHierarchy *h, CacheAccess kind,
                             uint32_t address, uint32_t size,
                             unsigned kernel, uint32_t *stall)
{
    return cache_access_lines(h, kind, address, size, kernel, stall,
                              cache_l1_touch, cache_l2_touch_lru_8);
}

/* Eight ways in all caches */
__attribute__((target("avx2")))
static unsigned access_8_8(CacheHierarchy *h, CacheAccess kind,
                           uint32_t address, uint32_t size,
                           unsigned kernel, uint32_t *stall)
{
    return cache_access_lines(h, kind, address, size, kernel, stall,
                              cache_l1_touch_8, cache_l2_touch_lru_8);
}

/* A slot of 64 bytes has room for what a vector holds of it */
static bool fits_vector(const CacheL1 *c)
{
    return c->ways == 8 && c->line >= 64;
}
#endif

bool cache_hierarchy_is_8_8(const CacheHierarchy *h)
{
#if defined(__x86_64__)
    return h->access == access_8_8;
#else
    return false;
#endif
}

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
    uint32_t first_l2 = cache_l2_line(h, address);
    uint32_t last_l2 = cache_l2_line(h, address + size - 1);

    cache_l1_dma_write(&h->l1i, address, size);
    cache_l1_dma_write(&h->l1d, address, size);
    for (uint32_t l = first_l2; l <= last_l2; l++) {
        cache_l2_invalidate(&h->l2, l);
        h->n.dma_lines++;
    }
}
