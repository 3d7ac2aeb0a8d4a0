/*
 * Runs a trace through a cache hierarchy and notes what each event did
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Built with the cache hierarchy into a shared library by cache_library.py.
 */
#include "cache-hierarchy.h"

enum { EVENT_DMA = 3, EVENT_FLUSH = 4 };

typedef struct Event {
    uint32_t address, size;
    uint8_t kind, kernel;               /* kind: CacheAccess or EVENT_* */
} __attribute__((packed)) Event;

typedef struct Effect {
    uint64_t writeback, dma_lines;      /* cumulative */
    uint32_t stall;
    uint8_t missed, filtered;
} __attribute__((packed)) Effect;

uint32_t trace_sizeof_hierarchy(void)
{
    return sizeof(CacheHierarchy);
}

bool trace_filter(const CacheL1 *c, CacheAccess kind, uint32_t address,
                  uint32_t size)
{
    return cache_l1_filter(c, kind, address, size);
}

static void access(CacheHierarchy *h, const Event *e, bool filter, Effect *o)
{
    const CacheL1 *l1 = e->kind == CACHE_FETCH ? &h->l1i : &h->l1d;
    uint32_t stall = 0;

    /* As in translated code, whose accesses are never longer than a line */
    if (filter && e->size <= l1->line &&
        cache_l1_filter(l1, e->kind, e->address, e->size)) {
        o->filtered = 1;
        return;
    }
    o->missed = cache_hierarchy_access(h, e->kind, e->address, e->size,
                                       e->kernel, &stall);
    o->stall = stall;
    h->n.stall_milli += stall;
}

void trace_run(CacheHierarchy *h, const Event *events, uint64_t count,
               bool filter, Effect *effects)
{
    for (uint64_t i = 0; i < count; i++) {
        const Event *e = events + i;
        Effect *o = effects + i;

        if (e->kind == EVENT_DMA) {
            cache_hierarchy_dma_write(h, e->address, e->size);
        } else if (e->kind == EVENT_FLUSH) {
            cache_hierarchy_flush(h);
        } else {
            access(h, e, filter, o);
        }
        o->writeback = h->n.writeback;
        o->dma_lines = h->n.dma_lines;
    }
}
