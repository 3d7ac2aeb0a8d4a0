/* SPDX-License-Identifier: MIT */
/* The flag travels through a helper function, which alone decides what follows. */
#include "stack.h"

static void stage_slow(struct request *request, int blocking);
static void stage_fast(struct request *request, int blocking);

static void choose(struct request *request, int may_block)
{
	push_stage(request, may_block ? stage_slow : stage_fast);
	make_runnable(request);
}

static void stage_slow(struct request *request, int blocking)
{
	(void)blocking;
	make_runnable(request);
}

static void stage_fast(struct request *request, int blocking)
{
	(void)blocking;
	make_runnable(request);
}

static void stage_pick(struct request *request, int blocking)
{
	choose(request, blocking);
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	push_stage(request, stage_pick);
	hand_to_helper(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -1;
}
