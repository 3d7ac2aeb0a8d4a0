/* SPDX-License-Identifier: MIT */
/* A stage pushes three stages: the last one runs first, the others come from the stack. */
#include "stack.h"

static void stage_send(struct request *request, int blocking)
{
	(void)blocking;
	request->fd++;
	make_runnable(request);
}

static void stage_log(struct request *request, int blocking)
{
	(void)blocking;
	request->fd++;
	make_runnable(request);
}

static void stage_close(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -1;
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	push_stage(request, stage_close);
	push_stage(request, stage_log);
	push_stage(request, stage_send);
	make_runnable(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -2;
}
