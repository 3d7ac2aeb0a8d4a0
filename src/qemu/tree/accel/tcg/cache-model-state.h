/*
 * Cache model: the state that its parts share
 *
 * cache-model.c sees the accesses, cache-stream.c follows the guest's markers
 * and writes the counters, cache-object.c takes the user's options.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CACHE_MODEL_STATE_H
#define CACHE_MODEL_STATE_H

#include "qemu/timer.h"
#include "exec/cache-model.h"
#include "hw/core/cpu.h"
#include "system/cpu-timers.h"
#include "qom/object.h"
#include "exec/cache-model.h"
#include "cache-hierarchy.h"
#include "cache-profile.h"
#include "cache-tlb.h"

#define TYPE_CACHE_MODEL "cache-model"
OBJECT_DECLARE_SIMPLE_TYPE(CacheModel, CACHE_MODEL)

struct CacheModel {
    Object parent;
    CacheHierarchy caches;
    CacheGeometry l1i, l1d, l2;
    char *policy, *output, *profile;
    uint64_t seed, sample_ns;
    uint32_t stall_l1i, stall_l1d_load, stall_l1d_store;
    uint32_t stall_l2_fetch, stall_l2_load, stall_l2_store;
    uint32_t kernel_base;
    uint32_t stall_itlb, stall_dtlb;
    CacheTlb itlb, dtlb, itlb_large, dtlb_large;
    uint64_t itlb_miss[2], dtlb_miss[2];
    uint32_t stall_event[CACHE_MODEL_EVENTS];
    uint64_t events[CACHE_MODEL_EVENTS];
    bool filter;

    const uint8_t *ram;
    uint64_t ram_size;
    bool ready;                         /* RAM is known, caches are set up */
    CPUState *cpu;
    uint64_t stall_rest;                /* thousandths not yet charged */
    uint64_t stall_units;               /* charged */
    bool kernel;                        /* mode of the vCPU */
    uint64_t insn[2];                   /* executed while on, [user, kernel] */
    uint64_t mark_units, mark_stall;    /* at the last change of mode */
    QEMUTimer *sample;
    int64_t next_sample;
    Notifier marker, exit;
    CacheProfile *stacks;
    FILE *stream;
};

/* The one instance, or NULL */
extern CacheModel *cache_model;

/* The raw count; also in mid-TB, where it is ahead by the rest of the TB */
uint64_t cache_model_units(CPUState *cpu);

/* Stall the vCPU */
static inline void cache_model_charge(CacheModel *m, uint32_t stall_milli)
{
    uint64_t total = m->stall_rest + stall_milli;
    CPUState *cpu = m->cpu;

    m->caches.n.stall_milli += stall_milli;
    if (total >= 1000) {
        uint64_t units = total / 1000;

        m->stall_units += units;
        if (!cpu->icount_extra && units <= cpu->neg.icount_decr.u16.low) {
            /* icount_stall(), as it mostly is */
            cpu->neg.icount_decr.u16.low -= units;
        } else {
            icount_stall(cpu, units);
        }
        total -= units * 1000;
    }
    m->stall_rest = total;
}

/* Book the instructions since the last call under the mode that ends */
void cache_model_settle(CPUState *cpu);

/* Events: an option for the stall of each, and their numbers for a record */
void cache_model_add_event_properties(CacheModel *m);
void cache_model_write_events(const CacheModel *m, FILE *f);

/* Forget what the TLBs hold of pages @first to @last, both included */
void cache_model_drop_pages(uint32_t first, uint32_t last);
void cache_model_drop_large_pages(uint32_t first, uint32_t last);

/* Calls that do the same as the general ones, but faster, or NULL */
const CacheModelCalls *cache_direct_calls(const CacheModel *m);

/* Follow the guest's markers from now on */
void cache_stream_start(CacheModel *m);

#endif
