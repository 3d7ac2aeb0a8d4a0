/*
 * Cache model: a cache hierarchy between the vCPU and virtual time
 *
 * Translated code tests inline whether an access hits the most recently used
 * line of its L1 set, which changes nothing; all others come here.  What they
 * miss is counted and stalls the vCPU (icount_stall()).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cache-model.h"
#include "hw/core/cpu.h"
#include "cache-model-state.h"

/* Pages by which an i386 kernel without PAE maps RAM linearly: 4 MiB */
#define LARGE_PAGE_BITS 22

CacheModelCode cache_model_code;
CacheModel *cache_model;

/* --- time and instructions --- */

uint64_t cache_model_units(CPUState *cpu)
{
    bool can_do_io = cpu->neg.can_do_io;
    uint64_t units;

    cpu->neg.can_do_io = true;
    units = icount_get_raw();
    cpu->neg.can_do_io = can_do_io;
    return units;
}

void cache_model_settle(CPUState *cpu)
{
    CacheModel *m = cache_model;
    uint64_t units = cache_model_units(cpu);

    m->insn[m->kernel] += (units - m->mark_units) -
                          (m->stall_units - m->mark_stall);
    m->mark_units = units;
    m->mark_stall = m->stall_units;
}

void cache_model_mode(CPUState *cpu, bool kernel)
{
    if (!cache_model || cache_model->kernel == kernel) {
        return;
    }
    if (cache_model_code.on) {
        cache_model_settle(cpu);
    }
    cache_model->kernel = kernel;
}

/* --- accesses --- */

static void access_memory(CacheModel *m, CacheAccess kind, uint32_t address,
                          uint32_t size)
{
    uint32_t stall = 0;

    if (cache_hierarchy_access(&m->caches, kind, address, size, m->kernel,
                               &stall)) {
        cache_model_charge(m, stall);
    }
}

/* @ra: in the translation block, belongs to the instruction */
static void profile_memory(CacheModel *m, CacheAccess kind, uint32_t address,
                           uint32_t size, uintptr_t ra)
{
    const uint64_t *l2_misses = &m->caches.n.l2[kind][m->kernel];
    uint64_t before = *l2_misses;

    access_memory(m, kind, address, size);
    if (*l2_misses != before) {
        cache_profile_record(m->stacks, m->cpu, kind, m->kernel, ra,
                             *l2_misses - before);
    }
}

bool cache_model_covers(const void *host)
{
    return (uint64_t)((const uint8_t *)host - cache_model->ram) <
           cache_model->ram_size;
}

static bool in_linear_map(const CacheModel *m, uint32_t address)
{
    return address - m->kernel_base < m->ram_size;
}

/* Look @address up; large pages have a TLB of their own, if one is given */
static void translate(CacheModel *m, CacheTlb *tlb, CacheTlb *large,
                      uint32_t address, uint32_t stall, uint64_t misses[2])
{
    bool hit = large->page && in_linear_map(m, address)
        ? cache_tlb_access(large, address >> LARGE_PAGE_BITS)
        : cache_tlb_access(tlb, address >> TARGET_PAGE_BITS);

    if (!hit) {
        misses[m->kernel]++;
        cache_model_charge(m, stall);
    }
}

static void translate_data(CacheModel *m, uint32_t address)
{
    translate(m, &m->dtlb, &m->dtlb_large, address, m->stall_dtlb,
              m->dtlb_miss);
}

/*
 * Translated code calls from behind the block's end and then, after a move or
 * pops, jumps (e9 rel32) back to the instruction, which only the target of
 * that jump tells.  None of what comes before it has a byte e9.
 */
static uintptr_t follow_jump(const void *return_address)
{
    const uint8_t *p = return_address;

    while (*p != 0xe9) {
        p++;
    }
    return (uintptr_t)p + 5 + (int32_t)ldl_le_p(p + 1);
}

static inline void fetch(uint32_t line, uint32_t address, const void *from)
{
    CacheModel *m = cache_model;

    if (unlikely(m->itlb.page)) {
        translate(m, &m->itlb, &m->itlb_large, address, m->stall_itlb,
                  m->itlb_miss);
    }
    if (unlikely(m->stacks)) {
        profile_memory(m, CACHE_FETCH, line, 1, follow_jump(from));
    } else {
        access_memory(m, CACHE_FETCH, line, 1);
    }
}

void cache_model_fetch(uint32_t line, uint32_t address, const void *from)
{
    fetch(line, address, from);
}

static void call_fetch(uint32_t line, uint32_t address)
{
    fetch(line, address, __builtin_return_address(0));
}

static inline void access_data(CacheAccess kind, uintptr_t host, uint32_t size,
                               uint32_t address, const void *from)
{
    CacheModel *m = cache_model;

    if (unlikely(!cache_model_covers((void *)host))) {
        return;
    }
    if (unlikely(m->dtlb.page)) {
        translate_data(m, address);
    }
    if (unlikely(m->stacks)) {
        profile_memory(m, kind, host, size, follow_jump(from));
    } else {
        access_memory(m, kind, host, size);
    }
}

static uintptr_t call_load(uintptr_t host, uint32_t size, uint32_t address)
{
    access_data(CACHE_LOAD, host, size, address, __builtin_return_address(0));
    return host;
}

static uintptr_t call_store(uintptr_t host, uint32_t size, uint32_t address)
{
    access_data(CACHE_STORE, host, size, address, __builtin_return_address(0));
    return host;
}

const CacheModelCalls *cache_model_calls(void)
{
    static const CacheModelCalls general = { call_fetch, call_load, call_store };

    return cache_direct_calls(cache_model) ?: &general;
}

void cache_model_access(CPUState *cpu, const void *host, uint32_t address,
                        uint32_t size, bool store, uintptr_t ra)
{
    CacheAccess kind = store ? CACHE_STORE : CACHE_LOAD;
    CacheModel *m = cache_model;

    if (!cache_model_code.on || !cache_model_covers(host)) {
        return;
    }
    if (unlikely(m->dtlb.page)) {
        translate_data(m, address);
    }
    if (unlikely(m->stacks)) {
        profile_memory(m, kind, (uintptr_t)host, size, ra);
    } else {
        access_memory(m, kind, (uintptr_t)host, size);
    }
}

void cache_model_drop_pages(uint32_t first, uint32_t last)
{
    cache_tlb_drop(&cache_model->itlb, first, last);
    cache_tlb_drop(&cache_model->dtlb, first, last);
}

void cache_model_drop_large_pages(uint32_t first, uint32_t last)
{
    cache_tlb_drop(&cache_model->itlb_large, first, last);
    cache_tlb_drop(&cache_model->dtlb_large, first, last);
}

void cache_model_tlb_flush_user(void)
{
    if (cache_model && cache_model->kernel_base) {
        cache_model_drop_pages(
            0, (cache_model->kernel_base >> TARGET_PAGE_BITS) - 1);
    }
}

void cache_model_tlb_flush_page(uint32_t address)
{
    if (cache_model) {
        uint32_t page = address >> TARGET_PAGE_BITS;
        uint32_t large = address >> LARGE_PAGE_BITS;

        cache_model_drop_pages(page, page);
        cache_model_drop_large_pages(large, large);
    }
}

void cache_model_dma_write(const void *host, uint64_t size)
{
    if (cache_model_code.on && size && cache_model_covers(host)) {
        cache_hierarchy_dma_write(&cache_model->caches, (uintptr_t)host, size);
    }
}
