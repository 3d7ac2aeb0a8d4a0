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
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/timer.h"
#include "qom/object_interfaces.h"
#include "cpu.h"
#include "exec/cache-model.h"
#include "exec/tb-flush.h"
#include "exec/translation-block.h"
#include "exec/cpu-all.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "system/cpu-timers.h"
#include "system/guest-marker.h"
#include "exec/memory.h"
#include "system/system.h"
#include "cache-hierarchy.h"
#include "cache-profile.h"

/* More frequent records would fill the disk and tell nothing more */
#define MIN_SAMPLE_NS 10000

/* Pages by which an i386 kernel without PAE maps RAM linearly: 4 MiB */
#define LARGE_PAGE_BITS 22

#define TYPE_CACHE_MODEL "cache-model"
OBJECT_DECLARE_SIMPLE_TYPE(CacheModel, CACHE_MODEL)

QEMU_BUILD_BUG_ON(sizeof_field(CPUState, cache_tables.data) !=
                  CACHE_L1_WORDS * sizeof(uint32_t));

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
    bool filter;

    const uint8_t *ram;
    uint64_t ram_size;
    bool ready;                         /* RAM is known, caches are set up */
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

CacheModelCode cache_model_code;
static CacheModel *model;

/* --- time and instructions --- */

/* The raw count; also in mid-TB, where it is ahead by the rest of the TB */
static uint64_t units_now(CPUState *cpu)
{
    bool can_do_io = cpu->neg.can_do_io;
    uint64_t units;

    cpu->neg.can_do_io = true;
    units = icount_get_raw();
    cpu->neg.can_do_io = can_do_io;
    return units;
}

static void charge(CPUState *cpu, uint32_t stall_milli)
{
    uint64_t total = model->stall_rest + stall_milli;

    model->caches.n.stall_milli += stall_milli;
    model->stall_rest = total % 1000;
    if (total >= 1000) {
        model->stall_units += total / 1000;
        icount_stall(cpu, total / 1000);
    }
}

/* Book the instructions since the last call under the mode that ends */
static void settle_instructions(CPUState *cpu)
{
    uint64_t units = units_now(cpu);

    model->insn[model->kernel] += (units - model->mark_units) -
                                  (model->stall_units - model->mark_stall);
    model->mark_units = units;
    model->mark_stall = model->stall_units;
}

void cache_model_mode(CPUState *cpu, bool kernel)
{
    if (!model || model->kernel == kernel) {
        return;
    }
    if (cache_model_code.on) {
        settle_instructions(cpu);
    }
    model->kernel = kernel;
}

/* --- accesses --- */

static void access_memory(CPUState *cpu, CacheAccess kind, uint32_t address,
                          uint32_t size, uintptr_t ra)
{
    const uint64_t *l2_misses = &model->caches.n.l2[kind][model->kernel];
    uint64_t before = *l2_misses;
    uint32_t stall = 0;

    if (cache_hierarchy_access(&model->caches, kind, address, size,
                               model->kernel, &stall)) {
        charge(cpu, stall);
        if (unlikely(model->stacks) && *l2_misses != before) {
            cache_profile_record(model->stacks, cpu, kind, model->kernel, ra,
                                 *l2_misses - before);
        }
    }
}

bool cache_model_covers(const void *host)
{
    return (uint64_t)((const uint8_t *)host - model->ram) < model->ram_size;
}

/*
 * Translated code calls from behind the block's end and then jumps (e9 rel32)
 * back to the instruction, which only the target of that jump tells.
 */
static uintptr_t follow_jump(uintptr_t jump)
{
    return jump + 5 + (int32_t)ldl_le_p((const uint8_t *)jump + 1);
}

static bool in_linear_map(uint32_t address)
{
    return address - model->kernel_base < model->ram_size;
}

/* Look @address up; large pages have a TLB of their own, if one is given */
static void translate(CPUState *cpu, CacheTlb *tlb, CacheTlb *large,
                      uint32_t address, uint32_t stall, uint64_t misses[2])
{
    bool hit = large->page && in_linear_map(address)
        ? cache_tlb_access(large, address >> LARGE_PAGE_BITS)
        : cache_tlb_access(tlb, address >> TARGET_PAGE_BITS);

    if (!hit) {
        misses[model->kernel]++;
        charge(cpu, stall);
    }
}

void cache_model_fetch(CPUState *cpu, uint32_t line, uint32_t address,
                       uintptr_t jump)
{
    if (unlikely(model->itlb.page)) {
        translate(cpu, &model->itlb, &model->itlb_large, address,
                  model->stall_itlb, model->itlb_miss);
    }
    access_memory(cpu, CACHE_FETCH, line, 1, follow_jump(jump));
}

static void access_data(CPUState *cpu, uint32_t host, uint32_t address,
                        uint32_t size, bool store, uintptr_t ra)
{
    if (unlikely(model->dtlb.page)) {
        translate(cpu, &model->dtlb, &model->dtlb_large, address,
                  model->stall_dtlb, model->dtlb_miss);
    }
    access_memory(cpu, store ? CACHE_STORE : CACHE_LOAD, host, size, ra);
}

void cache_model_data(CPUState *cpu, uintptr_t host, uint32_t meta,
                      uint32_t address, uintptr_t jump)
{
    if (likely(cache_model_covers((void *)host))) {
        access_data(cpu, host, address, meta >> 1, meta & 1, follow_jump(jump));
    }
}

void cache_model_access(CPUState *cpu, const void *host, uint32_t address,
                        uint32_t size, bool store, uintptr_t ra)
{
    if (cache_model_code.on && cache_model_covers(host)) {
        access_data(cpu, (uintptr_t)host, address, size, store, ra);
    }
}

void cache_model_tlb_flush_user(void)
{
    if (model && model->kernel_base) {
        uint32_t last = (model->kernel_base >> TARGET_PAGE_BITS) - 1;

        cache_tlb_drop(&model->itlb, 0, last);
        cache_tlb_drop(&model->dtlb, 0, last);
    }
}

void cache_model_tlb_flush_page(uint32_t address)
{
    uint32_t page = address >> TARGET_PAGE_BITS;
    uint32_t large = address >> LARGE_PAGE_BITS;

    if (model) {
        cache_tlb_drop(&model->itlb, page, page);
        cache_tlb_drop(&model->dtlb, page, page);
        cache_tlb_drop(&model->itlb_large, large, large);
        cache_tlb_drop(&model->dtlb_large, large, large);
    }
}

void cache_model_dma_write(const void *host, uint64_t size)
{
    if (cache_model_code.on && size && cache_model_covers(host)) {
        cache_hierarchy_dma_write(&model->caches, (uintptr_t)host, size);
    }
}

/* --- the counter stream --- */

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
    fprintf(f, "]}\n");
}

static void write_record(CPUState *cpu, const char *event, uint32_t argument)
{
    const CacheCounters *n = &model->caches.n;
    FILE *f = model->stream;
    int64_t t, sync = guest_marker_sync_ns();

    if (cache_model_code.on) {
        settle_instructions(cpu);
    }
    t = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    fprintf(f, "{\"ev\":\"%s\",\"arg\":%u,\"t\":%" PRId64 ",\"link_ns\":%"
            PRId64 ",\"units\":%" PRIu64 ",\"stall_milli\":%" PRIu64
            ",\"idle_ns\":%" PRId64, event, argument, t,
            sync < 0 ? -1 : t - sync, units_now(cpu), n->stall_milli,
            icount_idle_ns());
    write_pair(f, "insn", model->insn);
    write_pair(f, "l1i", n->l1[CACHE_FETCH]);
    write_pair(f, "l1d_load", n->l1[CACHE_LOAD]);
    write_pair(f, "l1d_store", n->l1[CACHE_STORE]);
    write_pair(f, "l2_fetch", n->l2[CACHE_FETCH]);
    write_pair(f, "l2_load", n->l2[CACHE_LOAD]);
    write_pair(f, "l2_store", n->l2[CACHE_STORE]);
    fprintf(f, ",\"writeback\":%" PRIu64 ",\"dma_lines\":%" PRIu64,
            n->writeback, n->dma_lines);
    write_pair(f, "itlb", model->itlb_miss);
    write_pair(f, "dtlb", model->dtlb_miss);
    write_regions(f, n);
    if (fflush(f) || ferror(f)) {
        error_report("cache-model: writing %s: %s", model->output,
                     strerror(errno));
        exit(1);
    }
}

static void sample_cb(void *opaque)
{
    write_record(first_cpu, "sample", 0);
    /* Not from the clock, which a stall may have carried past the deadline */
    model->next_sample += model->sample_ns;
    timer_mod_ns(model->sample, model->next_sample);
}

/* --- markers --- */

static bool set_up(CPUState *cpu, Error **errp)
{
    CacheModel *m = model;
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
    m->ready = true;
    return true;
}

static void empty_tlbs(void)
{
    CacheTlb *tlbs[] = {
        &model->itlb, &model->dtlb, &model->itlb_large, &model->dtlb_large,
    };

    for (size_t i = 0; i < ARRAY_SIZE(tlbs); i++) {
        cache_tlb_drop(tlbs[i], 0, UINT32_MAX);
    }
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
        timer_del(model->sample);
        if (model->stacks) {
            cache_profile_write(model->stacks, model->profile);
        }
    }
    tb_flush(cpu);
    cache_model_code.on = on;
    if (on) {
        cache_hierarchy_flush(&model->caches);
        empty_tlbs();
        model->mark_units = units_now(cpu);
        model->mark_stall = model->stall_units;
        write_record(cpu, "start", 0);
        if (model->sample_ns) {
            model->next_sample = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                 model->sample_ns;
            timer_mod_ns(model->sample, model->next_sample);
        }
    }
}

static void mark_region(uint32_t start, uint32_t lines, uint8_t number)
{
    CacheHierarchy *h = &model->caches;
    uint64_t first = start >> h->l2.line_shift;
    uint64_t end = model->ram_size >> h->l2.line_shift;

    if (model->ready && first < end) {
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
        if (!model->ready && !set_up(cpu, &err)) {
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
    if (model->stacks) {
        cache_profile_write(model->stacks, model->profile);
    }
    fclose(model->stream);
}

/* --- the object --- */

static void cache_model_complete(UserCreatable *uc, Error **errp)
{
    CacheModel *m = CACHE_MODEL(uc);

    if (model) {
        error_setg(errp, "cache-model: there can be only one");
        return;
    }
    if (!icount_deterministic) {
        error_setg(errp, "cache-model: needs -icount shift=0,sleep=off,num=,den=");
        return;
    }
    if (!m->l1i.size || !m->l1d.size || !m->l2.size || !m->output) {
        error_setg(errp, "cache-model: l1i, l1d, l2 and output are needed");
        return;
    }
    if (m->sample_ns && m->sample_ns < MIN_SAMPLE_NS) {
        error_setg(errp, "cache-model: sample-ns must be 0 or at least %d",
                   MIN_SAMPLE_NS);
        return;
    }
    if (MAX(m->l1i.line, m->l1d.line) > m->l2.line) {
        error_setg(errp, "cache-model: an L1 line is longer than that of L2");
        return;
    }
    m->stream = fopen(m->output, "w");
    if (!m->stream) {
        error_setg_file_open(errp, errno, m->output);
        return;
    }
    if (m->profile) {
        m->stacks = cache_profile_new(m->kernel_base);
    }
    cache_model_code = (CacheModelCode) {
        /* What changes nothing in L1 may yet miss in a TLB */
        .filter = m->filter && !m->itlb.page && !m->dtlb.page,
        .fetch_index_mask = m->l1i.size / m->l1i.ways - m->l1i.line,
        .fetch_line = m->l1i.line,
        .data_index_mask = m->l1d.size / m->l1d.ways - m->l1d.line,
        .data_line = m->l1d.line,
    };
    m->kernel = true;
    m->sample = timer_new_ns(QEMU_CLOCK_VIRTUAL, sample_cb, m);
    m->marker.notify = marker_cb;
    guest_marker_add_notifier(&m->marker);
    m->exit.notify = exit_cb;
    qemu_add_exit_notifier(&m->exit);
    /* exit_cb() runs after all objects have been finalized */
    object_ref(OBJECT(m));
    model = m;
}

static void set_geometry(Object *obj, const char *value, const char *name,
                         CacheGeometry *g, bool l1, Error **errp)
{
    const char *rule;
    char end;

    if (sscanf(value, "%" SCNu32 ":%" SCNu32 ":%" SCNu32 "%c", &g->size,
               &g->ways, &g->line, &end) != 3) {
        error_setg(errp, "cache-model: %s=%s: want SIZE:WAYS:LINE", name, value);
        return;
    }
    rule = cache_geometry_error(g, l1);
    if (rule) {
        error_setg(errp, "cache-model: %s=%s: %s", name, value, rule);
    }
}

static void set_l1i(Object *obj, const char *value, Error **errp)
{
    set_geometry(obj, value, "l1i", &CACHE_MODEL(obj)->l1i, true, errp);
}

static void set_l1d(Object *obj, const char *value, Error **errp)
{
    set_geometry(obj, value, "l1d", &CACHE_MODEL(obj)->l1d, true, errp);
}

static void set_l2(Object *obj, const char *value, Error **errp)
{
    set_geometry(obj, value, "l2", &CACHE_MODEL(obj)->l2, false, errp);
}

static void set_tlb(const char *value, const char *name, CacheTlb *t,
                    Error **errp)
{
    uint32_t entries, ways;
    const char *rule;
    char end;

    if (sscanf(value, "%" SCNu32 ":%" SCNu32 "%c", &entries, &ways, &end) != 2) {
        error_setg(errp, "cache-model: %s=%s: want ENTRIES:WAYS", name, value);
        return;
    }
    rule = cache_tlb_error(entries, ways);
    if (rule) {
        error_setg(errp, "cache-model: %s=%s: %s", name, value, rule);
    } else if (!cache_tlb_init(t, entries, ways)) {
        error_setg(errp, "cache-model: out of memory");
    }
}

static void set_itlb(Object *obj, const char *value, Error **errp)
{
    set_tlb(value, "itlb", &CACHE_MODEL(obj)->itlb, errp);
}

static void set_dtlb(Object *obj, const char *value, Error **errp)
{
    set_tlb(value, "dtlb", &CACHE_MODEL(obj)->dtlb, errp);
}

static void set_itlb_large(Object *obj, const char *value, Error **errp)
{
    set_tlb(value, "itlb-large", &CACHE_MODEL(obj)->itlb_large, errp);
}

static void set_dtlb_large(Object *obj, const char *value, Error **errp)
{
    set_tlb(value, "dtlb-large", &CACHE_MODEL(obj)->dtlb_large, errp);
}

static void set_policy(Object *obj, const char *value, Error **errp)
{
    if (!g_str_equal(value, "lru") && !g_str_equal(value, "plru") &&
        !g_str_equal(value, "random")) {
        error_setg(errp, "cache-model: policy=%s: want lru, plru or random",
                   value);
        return;
    }
    g_free(CACHE_MODEL(obj)->policy);
    CACHE_MODEL(obj)->policy = g_strdup(value);
}

static void set_output(Object *obj, const char *value, Error **errp)
{
    g_free(CACHE_MODEL(obj)->output);
    CACHE_MODEL(obj)->output = g_strdup(value);
}

static void set_profile(Object *obj, const char *value, Error **errp)
{
    g_free(CACHE_MODEL(obj)->profile);
    CACHE_MODEL(obj)->profile = g_strdup(value);
}

static void set_filter(Object *obj, bool value, Error **errp)
{
    CACHE_MODEL(obj)->filter = value;
}

static void cache_model_init(Object *obj)
{
    CacheModel *m = CACHE_MODEL(obj);
    const ObjectPropertyFlags rw = OBJ_PROP_FLAG_READWRITE;

    m->policy = g_strdup("lru");
    m->filter = true;
    m->kernel_base = 0xc0000000;
    object_property_add_uint64_ptr(obj, "seed", &m->seed, rw);
    object_property_add_uint64_ptr(obj, "sample-ns", &m->sample_ns, rw);
    object_property_add_uint32_ptr(obj, "kernel-base", &m->kernel_base, rw);
    object_property_add_uint32_ptr(obj, "stall-itlb", &m->stall_itlb, rw);
    object_property_add_uint32_ptr(obj, "stall-dtlb", &m->stall_dtlb, rw);
    object_property_add_uint32_ptr(obj, "stall-l1i", &m->stall_l1i, rw);
    object_property_add_uint32_ptr(obj, "stall-l1d-load", &m->stall_l1d_load,
                                   rw);
    object_property_add_uint32_ptr(obj, "stall-l1d-store", &m->stall_l1d_store,
                                   rw);
    object_property_add_uint32_ptr(obj, "stall-l2-fetch", &m->stall_l2_fetch,
                                   rw);
    object_property_add_uint32_ptr(obj, "stall-l2-load", &m->stall_l2_load, rw);
    object_property_add_uint32_ptr(obj, "stall-l2-store", &m->stall_l2_store,
                                   rw);
}

static void cache_model_class_init(ObjectClass *oc, void *data)
{
    USER_CREATABLE_CLASS(oc)->complete = cache_model_complete;
    object_class_property_add_str(oc, "l1i", NULL, set_l1i);
    object_class_property_add_str(oc, "l1d", NULL, set_l1d);
    object_class_property_add_str(oc, "l2", NULL, set_l2);
    object_class_property_add_str(oc, "itlb", NULL, set_itlb);
    object_class_property_add_str(oc, "dtlb", NULL, set_dtlb);
    object_class_property_add_str(oc, "itlb-large", NULL, set_itlb_large);
    object_class_property_add_str(oc, "dtlb-large", NULL, set_dtlb_large);
    object_class_property_add_str(oc, "policy", NULL, set_policy);
    object_class_property_add_str(oc, "output", NULL, set_output);
    object_class_property_add_str(oc, "profile", NULL, set_profile);
    object_class_property_add_bool(oc, "filter", NULL, set_filter);
}

static const TypeInfo cache_model_info = {
    .name = TYPE_CACHE_MODEL,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(CacheModel),
    .instance_init = cache_model_init,
    .class_init = cache_model_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_USER_CREATABLE },
        { }
    },
};

static void cache_model_register(void)
{
    type_register_static(&cache_model_info);
}

type_init(cache_model_register)
