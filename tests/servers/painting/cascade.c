/* SPDX-License-Identifier: MIT */
#include "cascade.h"
#include "paint.h"

void __wrap_run_next_stage(struct conn *conn);

void __wrap_run_next_stage(struct conn *conn)
{
	stage_fn *stage = conn->depth > 0 ? conn->stages[--conn->depth] : stage_flush;

	paint_call((void (*)(void *))stage, conn);
}
