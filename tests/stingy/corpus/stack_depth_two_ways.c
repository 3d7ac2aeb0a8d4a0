/* SPDX-License-Identifier: MIT */
/* The same stage is reached with two different stages below it on the stack. */
#include "stack.h"

static void stage_send(struct request *request, int blocking)
{
	(void)blocking;
	make_runnable(request);
}

static void stage_keep(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = 1;
}

static void stage_close(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -1;
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	push_stage(request, request->fd > 0 ? stage_keep : stage_close);
	push_stage(request, stage_send);
	make_runnable(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -2;
}
