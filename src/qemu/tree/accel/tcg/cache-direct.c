/*
 * Cache model: what translated code calls if all caches have eight ways
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole path of an access in one function for each kind, for the usual
 * geometry on a host with AVX2, without TLBs and call stacks.  cache-model.c
 * does the same for all others.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cache-model.h"
#include "cache-access.h"
#include "cache-model-state.h"

#if defined(__x86_64__)
#define DIRECT __attribute__((target("avx2"), zero_call_used_regs("skip")))

__attribute__((target("avx2"), always_inline))
static inline void access_lines(CacheModel *m, CacheAccess kind,
                                uint32_t address, uint32_t size)
{
    uint32_t stall = 0;

    if (cache_access_lines(&m->caches, kind, address, size, m->kernel, &stall,
                           cache_l1_touch_8, cache_l2_touch_lru_8)) {
        cache_model_charge(m, stall);
    }
}

__attribute__((target("avx2"), always_inline))
static inline void access_data(CacheAccess kind, uintptr_t host, uint32_t size)
{
    CacheModel *m = cache_model;

    if (likely(host - (uintptr_t)m->ram < m->ram_size)) {
        access_lines(m, kind, host, size);
    }
}

DIRECT static void fetch(uint32_t line, uint32_t address)
{
    access_lines(cache_model, CACHE_FETCH, line, 1);
}

DIRECT static uintptr_t load(uintptr_t host, uint32_t size, uint32_t address)
{
    access_data(CACHE_LOAD, host, size);
    return host;
}

DIRECT static uintptr_t store(uintptr_t host, uint32_t size, uint32_t address)
{
    access_data(CACHE_STORE, host, size);
    return host;
}

static const CacheModelCalls direct = { fetch, load, store };

const CacheModelCalls *cache_direct_calls(const CacheModel *m)
{
    bool fits = cache_hierarchy_is_8_8(&m->caches) && !m->itlb.page &&
                !m->dtlb.page && !m->stacks;

    return fits ? &direct : NULL;
}
#else
const CacheModelCalls *cache_direct_calls(const CacheModel *m)
{
    return NULL;
}
#endif
