/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints; without CONFIG_TRACEPOINTS they leave no code behind. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tux

#if !defined(_TUX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TUX_TRACE_H

#include <linux/tracepoint.h>

struct tux_req;

/* A stage is entered (numbers: enum tux_stage). */
TRACE_EVENT(tux_stage,
	TP_PROTO(const struct tux_req *req, int stage),
	TP_ARGS(req, stage),
	TP_STRUCT__entry(
		__field(const void *, req)
		__field(int, stage)
	),
	TP_fast_assign(
		__entry->req = req;
		__entry->stage = stage;
	),
	TP_printk("req=%p stage=%d", __entry->req, __entry->stage)
);

/* A request goes to the end of the work queue. */
TRACE_EVENT(tux_queue,
	TP_PROTO(const struct tux_req *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(const void *, req)
	),
	TP_fast_assign(
		__entry->req = req;
	),
	TP_printk("req=%p", __entry->req)
);

/* An object of a request (enum tux_object) is allocated or released. */
DECLARE_EVENT_CLASS(tux_object,
	TP_PROTO(int object, const void *address, size_t size),
	TP_ARGS(object, address, size),
	TP_STRUCT__entry(
		__field(int, object)
		__field(const void *, address)
		__field(size_t, size)
	),
	TP_fast_assign(
		__entry->object = object;
		__entry->address = address;
		__entry->size = size;
	),
	TP_printk("object=%d address=%p size=%zu", __entry->object, __entry->address,
		  __entry->size)
);

DEFINE_EVENT(tux_object, tux_born,
	TP_PROTO(int object, const void *address, size_t size),
	TP_ARGS(object, address, size)
);

DEFINE_EVENT(tux_object, tux_gone,
	TP_PROTO(int object, const void *address, size_t size),
	TP_ARGS(object, address, size)
);

#endif /* _TUX_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
