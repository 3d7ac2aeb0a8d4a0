/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What TUX counts: entries into each stage, and each object that belongs to a request, from its
 * allocation to its release. The calls stand next to the allocation constructs themselves, so
 * that this file is the one place from which to watch them (/proc/net/tux/stat, tracepoints).
 */
#ifndef _TUX_STAT_H
#define _TUX_STAT_H

#include "region.h"

/* In the order in which requests go through them. */
enum tux_stage {
	TUX_STAGE_accept,
	TUX_STAGE_parse,
	TUX_STAGE_process,
	TUX_STAGE_redirect,
	TUX_STAGE_send_abuf,
	TUX_STAGE_post_header,
	TUX_STAGE_send_body,
	TUX_STAGE_flush,
	TUX_STAGE_linger,
	TUX_STAGE_close,
	TUX_NR_STAGES
};

enum tux_object {
	TUX_OBJECT_request,
	TUX_OBJECT_socket,
	TUX_OBJECT_header,
	TUX_OBJECT_abuf,
	TUX_OBJECT_file,
	TUX_OBJECT_page,
	TUX_NR_OBJECTS
};

enum tux_event {
	TUX_EVENT_cachemiss,
	TUX_EVENT_abort,
	TUX_EVENT_handed_over,
	TUX_EVENT_no_memory,
	TUX_EVENT_log_dropped,
	TUX_NR_EVENTS
};

/* An object may be released on another processor: only sums over all of them mean something. */
struct tux_counters {
	unsigned long stages[TUX_NR_STAGES];
	unsigned long events[TUX_NR_EVENTS];
	unsigned long replies[6];	/* by hundreds of the status */
	unsigned long born[TUX_NR_OBJECTS];
	unsigned long gone[TUX_NR_OBJECTS];
	unsigned long bytes[TUX_NR_OBJECTS];
};

DECLARE_PER_CPU(struct tux_counters, tux_counters);

static inline void tux_count_stage(const struct tux_req *req, enum tux_stage stage)
{
	this_cpu_inc(tux_counters.stages[stage]);
	trace_tux_stage(req, stage);
}

static inline void tux_count_event(enum tux_event event)
{
	this_cpu_inc(tux_counters.events[event]);
}

static inline void tux_count_reply(unsigned int status)
{
	this_cpu_inc(tux_counters.replies[status / 100]);
}

static inline void tux_object_born(enum tux_object object, const void *address, size_t size)
{
	this_cpu_inc(tux_counters.born[object]);
	this_cpu_add(tux_counters.bytes[object], size);
	trace_tux_born(object, address, size);
	if (object != TUX_OBJECT_page)	/* that is the page cache's */
		tux_region(address, size, TUX_REGION_OBJECT + object);
}

/* What dead memory is to those who look for cache misses: see region.h. */
static inline void tux_region_gone(enum tux_object object, const void *address, size_t size)
{
	switch (object) {
	case TUX_OBJECT_request:
	case TUX_OBJECT_header:
		tux_region(address, size, TUX_REGION_FREE);
		break;
	case TUX_OBJECT_abuf:
		tux_region(address, size, TUX_REGION_PAGES);
		break;
	default:	/* goes back to a cache that holds nothing else */
		break;
	}
}

static inline void tux_object_gone(enum tux_object object, const void *address, size_t size)
{
	this_cpu_inc(tux_counters.gone[object]);
	this_cpu_sub(tux_counters.bytes[object], size);
	trace_tux_gone(object, address, size);
	tux_region_gone(object, address, size);
}

static inline void tux_object_resized(enum tux_object object, size_t from, size_t to)
{
	this_cpu_add(tux_counters.bytes[object], to - from);
}

int tux_stat_register(void);
void tux_stat_unregister(void);

/* ledger.c; who looks at a process from outside needs no addresses of it */
#ifdef __KERNEL__
struct proc_dir_entry;

bool tux_ledger_create(struct proc_dir_entry *directory);
#else
#define tux_ledger_create(directory) true
#endif

#endif /* _TUX_STAT_H */
