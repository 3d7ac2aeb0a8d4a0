/*
 * Cache model: the object and its properties
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cpu.h"
#include "exec/cache-model.h"
#include "qom/object_interfaces.h"
#include "system/cpu-timers.h"
#include "cache-model-state.h"

/* More frequent records would fill the disk and tell nothing more */
#define MIN_SAMPLE_NS 10000

QEMU_BUILD_BUG_ON(sizeof_field(CPUState, cache_tables.data) !=
                  CACHE_L1_WORDS * sizeof(uint32_t));

static void cache_model_complete(UserCreatable *uc, Error **errp)
{
    CacheModel *m = CACHE_MODEL(uc);

    if (cache_model) {
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
        .tlb = m->itlb.page || m->dtlb.page,
        .fetch_index_mask = m->l1i.size / m->l1i.ways - m->l1i.line,
        .fetch_line = m->l1i.line,
        .data_index_mask = m->l1d.size / m->l1d.ways - m->l1d.line,
        .data_line = m->l1d.line,
    };
    m->kernel = true;
    cache_stream_start(m);
    /* exit_cb() runs after all objects have been finalized */
    object_ref(OBJECT(m));
    cache_model = m;
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
    cache_model_add_event_properties(m);
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
