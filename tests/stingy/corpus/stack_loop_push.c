/* SPDX-License-Identifier: MIT */
/* A loop pushes every stage of an array; they run in reverse order. */
#include "stack.h"

static void stage_one(struct request *request, int blocking)
{
	(void)blocking;
	make_runnable(request);
}

static void stage_two(struct request *request, int blocking)
{
	(void)blocking;
	make_runnable(request);
}

static stage_fn *const script[] = { stage_two, stage_one };

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	for (int i = 0; i < 2; i++)
		push_stage(request, script[i]);
	make_runnable(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -1;
}
