/*
 * Cache model: what the translator, the TCG backend and devices see of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXEC_CACHE_MODEL_H
#define EXEC_CACHE_MODEL_H

#include "exec/cpu-common.h"

/*
 * How translated code is instrumented; changes only while no translated code
 * exists.  Offsets are from env to the tables of CPUState.cache_tables.
 */
typedef struct CacheModelCode {
    bool on;
    bool filter;                        /* skip accesses that change nothing */
    bool tlb;                           /* TLBs are modelled */
    uint32_t fetch_index_mask, fetch_line;
    uint32_t data_index_mask, data_line;
} CacheModelCode;

extern CacheModelCode cache_model_code;

#define CACHE_MODEL_FETCH_OFS \
    ((int)offsetof(CPUState, cache_tables.fetch) - (int)sizeof(CPUState))
#define CACHE_MODEL_DATA_OFS \
    ((int)offsetof(CPUState, cache_tables.data) - (int)sizeof(CPUState))

/* What costs time and is no access to the caches */
typedef enum CacheModelEvent {
    CACHE_MODEL_MMIO_READ,
    CACHE_MODEL_MMIO_WRITE,
    CACHE_MODEL_PORT_READ,
    CACHE_MODEL_PORT_WRITE,
    CACHE_MODEL_INTERRUPT,              /* entry of one from a device */
    CACHE_MODEL_TRAP,                   /* entry of an exception or INT */
    CACHE_MODEL_IRET,
    CACHE_MODEL_EVENTS
} CacheModelEvent;

/*
 * Called by translated code for the code @line at guest-virtual @address, by a
 * block that @from, a return address, lies in
 */
void cache_model_fetch(uint32_t line, uint32_t address, const void *from);

/*
 * The same, called by the block itself; and for data at @host, which they
 * return.  @address only with TLBs.
 */
typedef struct CacheModelCalls {
    void (*fetch)(uint32_t line, uint32_t address);
    uintptr_t (*load)(uintptr_t host, uint32_t size, uint32_t address);
    uintptr_t (*store)(uintptr_t host, uint32_t size, uint32_t address);
} CacheModelCalls;

/* Those that fit the caches; the model is on */
const CacheModelCalls *cache_model_calls(void);

/*
 * An access made by a C function at the guest-virtual @address, which is @host
 * here; @size within a page; @ra an address in the translation block that
 * belongs to the instruction
 */
void cache_model_access(CPUState *cpu, const void *host, uint32_t address,
                        uint32_t size, bool store, uintptr_t ra);

/* CR3 was loaded: pages of user space are gone; the kernel's are global */
void cache_model_tlb_flush_user(void);
void cache_model_tlb_flush_page(uint32_t address);

/* Whether an instruction at @host is in modelled memory */
bool cache_model_covers(const void *host);

/* A device wrote guest memory at @host */
void cache_model_dma_write(const void *host, uint64_t size);

/* An event of the running vCPU is done; it costs time from now on */
void cache_model_event(CacheModelEvent event);

/* The running vCPU changes between user mode and the kernel */
void cache_model_mode(CPUState *cpu, bool kernel);

#endif
