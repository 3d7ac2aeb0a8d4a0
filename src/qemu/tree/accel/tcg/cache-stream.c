/*
 * Cache model: the guest's markers and the counter stream
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "cpu.h"
#include "exec/cache-model.h"
#include "exec/memory.h"
#include "exec/tb-flush.h"
#include "exec/translation-block.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "system/cpu-timers.h"
#include "system/guest-marker.h"
#include "system/ledger.h"
#include "system/system.h"
#include "cache-model-state.h"

/* --- records --- */

static void write_pair(FILE *f, const char *name, const uint64_t pair[2])
{
    fprintf(f, ",\"%s\":[%" PRIu64 ",%" PRIu64 "]", name, pair[0], pair[1]);
}

static void write_regions(FILE *f, const CacheCounters *n)
{
    unsigned used = CACHE_REGIONS;

    while (used > 1 && !n->region_l2[used - 1]) {
        used--;
    }
    fprintf(f, ",\"region_l2\":[");
    for (unsigned i = 0; i < used; i++) {
        fprintf(f, "%s%" PRIu64, i ? "," : "", n->region_l2[i]);
    }
    fprintf(f, "]");
}

static void write_record(CPUState *cpu, const char *event, uint32_t argument)
{
    const CacheCounters *n = &cache_model->caches.n;
    FILE *f = cache_model->stream;
    int64_t t, sync = guest_marker_sync_ns();

    if (cache_model_code.on) {
        cache_model_settle(cpu);
    }
    t = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    fprintf(f, "{\"ev\":\"%s\",\"arg\":%u,\"t\":%" PRId64 ",\"link_ns\":%"
            PRId64 ",\"units\":%" PRIu64 ",\"stall_milli\":%" PRIu64
            ",\"idle_ns\":%" PRId64, event, argument, t,
            sync < 0 ? -1 : t - sync, cache_model_units(cpu), n->stall_milli,
            icount_idle_ns());
    write_pair(f, "insn", cache_model->insn);
    write_pair(f, "l1i", n->l1[CACHE_FETCH]);
    write_pair(f, "l1d_load", n->l1[CACHE_LOAD]);
    write_pair(f, "l1d_store", n->l1[CACHE_STORE]);
    write_pair(f, "l2_fetch", n->l2[CACHE_FETCH]);
    write_pair(f, "l2_load", n->l2[CACHE_LOAD]);
    write_pair(f, "l2_store", n->l2[CACHE_STORE]);
    fprintf(f, ",\"writeback\":%" PRIu64 ",\"dma_lines\":%" PRIu64,
            n->writeback, n->dma_lines);
    write_pair(f, "itlb", cache_model->itlb_miss);
    write_pair(f, "dtlb", cache_model->dtlb_miss);
    cache_model_write_events(cache_model, f);
    write_regions(f, n);
    ledger_write(f);
    fprintf(f, "}\n");
    if (fflush(f) || ferror(f)) {
        error_report("cache-model: writing %s: %s", cache_model->output,
                     strerror(errno));
        exit(1);
    }
}

static void sample_cb(void *opaque)
{
    write_record(first_cpu, "sample", 0);
    /* Not from the clock, which a stall may have carried past the deadline */
    cache_model->next_sample += cache_model->sample_ns;
    timer_mod_ns(cache_model->sample, cache_model->next_sample);
}

/* --- markers --- */

static bool set_up(CPUState *cpu, Error **errp)
{
    CacheModel *m = cache_model;
    CacheHierarchy *h = &m->caches;
    CachePolicy policy = g_str_equal(m->policy, "lru") ? CACHE_LRU :
                         g_str_equal(m->policy, "plru") ? CACHE_PLRU :
                         CACHE_RANDOM;

    m->ram = memory_region_get_ram_ptr(current_machine->ram);
    m->ram_size = memory_region_size(current_machine->ram);
    if (m->ram_size > UINT32_MAX) {
        error_setg(errp, "cache-model: RAM must be smaller than 4 GiB");
        return false;
    }
    if (!cache_hierarchy_init(h, cpu->cache_tables.fetch,
                              cpu->cache_tables.data, m->l1i, m->l1d, m->l2,
                              policy, m->seed, (uintptr_t)m->ram)) {
        error_setg(errp, "cache-model: out of memory");
        return false;
    }
    /* Zero pages until a region is marked */
    h->region = g_malloc0((m->ram_size >> h->l2.line_shift) + 1);
    h->stall_l1[CACHE_FETCH] = m->stall_l1i;
    h->stall_l1[CACHE_LOAD] = m->stall_l1d_load;
    h->stall_l1[CACHE_STORE] = m->stall_l1d_store;
    h->stall_l2[CACHE_FETCH] = m->stall_l2_fetch;
    h->stall_l2[CACHE_LOAD] = m->stall_l2_load;
    h->stall_l2[CACHE_STORE] = m->stall_l2_store;
    if (m->itlb.page) {
        /* Translated code must know its own address */
        cpu->tcg_cflags &= ~CF_PCREL;
    }
    m->cpu = cpu;
    m->ready = true;
    return true;
}

/* Runs when no translated code runs; what there is of it goes first */
static void switch_work(CPUState *cpu, run_on_cpu_data data)
{
    bool on = data.host_int;

    if (on == cache_model_code.on) {
        return;
    }
    if (!on) {
        write_record(cpu, "stop", 0);
        timer_del(cache_model->sample);
        if (cache_model->stacks) {
            cache_profile_write(cache_model->stacks, cache_model->profile);
        }
    }
    tb_flush(cpu);
    cache_model_code.on = on;
    if (on) {
        cache_hierarchy_flush(&cache_model->caches);
        cache_model_drop_pages(0, UINT32_MAX);
        cache_model_drop_large_pages(0, UINT32_MAX);
        cache_model->mark_units = cache_model_units(cpu);
        cache_model->mark_stall = cache_model->stall_units;
        write_record(cpu, "start", 0);
        if (cache_model->sample_ns) {
            cache_model->next_sample = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                 cache_model->sample_ns;
            timer_mod_ns(cache_model->sample, cache_model->next_sample);
        }
    }
}

static void mark_region(uint32_t start, uint32_t lines, uint8_t number)
{
    CacheHierarchy *h = &cache_model->caches;
    uint64_t first = start >> h->l2.line_shift;
    uint64_t end = cache_model->ram_size >> h->l2.line_shift;

    if (cache_model->ready && first < end) {
        memset(h->region + first, number, MIN(lines, end - first));
    }
}

static void marker_cb(Notifier *notifier, void *data)
{
    const GuestMarker *marker = data;
    CPUState *cpu = current_cpu;
    Error *err = NULL;

    switch (marker->command) {
    case GUEST_MARKER_START:
    case GUEST_MARKER_STOP:
        if (!cache_model->ready && !set_up(cpu, &err)) {
            error_report_err(err);
            exit(1);
        }
        async_safe_run_on_cpu(cpu, switch_work, RUN_ON_CPU_HOST_INT(
                                  marker->command == GUEST_MARKER_START));
        break;
    case GUEST_MARKER_NOTE:
        write_record(cpu, "note", marker->ecx);
        break;
    case GUEST_MARKER_SYNC:
        write_record(cpu, "sync", 0);
        break;
    case GUEST_MARKER_REGION:
        mark_region(marker->ecx, marker->edx >> 8, marker->edx & 0xff);
        break;
    }
}

static void exit_cb(Notifier *notifier, void *data)
{
    write_record(first_cpu, "end", 0);
    if (cache_model->stacks) {
        cache_profile_write(cache_model->stacks, cache_model->profile);
    }
    fclose(cache_model->stream);
}

void cache_stream_start(CacheModel *m)
{
    m->sample = timer_new_ns(QEMU_CLOCK_VIRTUAL, sample_cb, m);
    m->marker.notify = marker_cb;
    guest_marker_add_notifier(&m->marker);
    ledger_start();
    m->exit.notify = exit_cb;
    qemu_add_exit_notifier(&m->exit);
}
