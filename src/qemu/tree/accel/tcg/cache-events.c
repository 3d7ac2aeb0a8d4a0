/*
 * Cache model: events that are no cache accesses and cost time all the same
 *
 * An access to a device goes past the caches and waits for the bus; the entry
 * of an interrupt and the way back are long microcode.  Neither is an
 * instruction of its own.  Helpers report each when it is done: an access that
 * QEMU gives up half-way and executes again (cpu_io_recompile()) is one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "exec/cache-model.h"
#include "cache-model-state.h"

static const char *const names[CACHE_MODEL_EVENTS] = {
    [CACHE_MODEL_MMIO_READ] = "mmio_read",
    [CACHE_MODEL_MMIO_WRITE] = "mmio_write",
    [CACHE_MODEL_PORT_READ] = "port_read",
    [CACHE_MODEL_PORT_WRITE] = "port_write",
    [CACHE_MODEL_INTERRUPT] = "interrupt",
    [CACHE_MODEL_TRAP] = "trap",
    [CACHE_MODEL_IRET] = "iret",
};

void cache_model_event(CacheModelEvent event)
{
    CacheModel *m = cache_model;

    if (cache_model_code.on) {
        m->events[event]++;
        cache_model_charge(m, m->stall_event[event]);
    }
}

void cache_model_add_event_properties(CacheModel *m)
{
    for (int i = 0; i < CACHE_MODEL_EVENTS; i++) {
        g_autofree char *name = g_strconcat("stall-", names[i], NULL);

        g_strdelimit(name, "_", '-');
        object_property_add_uint32_ptr(OBJECT(m), name, &m->stall_event[i],
                                       OBJ_PROP_FLAG_READWRITE);
    }
}

void cache_model_write_events(const CacheModel *m, FILE *f)
{
    fprintf(f, ",\"events\":{");
    for (int i = 0; i < CACHE_MODEL_EVENTS; i++) {
        fprintf(f, "%s\"%s\":%" PRIu64, i ? "," : "", names[i],
                m->events[i]);
    }
    fprintf(f, "}");
}
