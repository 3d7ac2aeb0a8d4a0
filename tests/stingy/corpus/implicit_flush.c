/* SPDX-License-Identifier: MIT */
/* Nothing pushes the flush stage: it runs because the stack is empty, on one of two paths. */
#include "stack.h"

static void stage_send(struct request *request, int blocking)
{
	(void)blocking;
	if (socket_write(request->fd, "x", 1) < 0) {
		push_stage(request, stage_send);
		wait_socket(request);
		return;
	}
	make_runnable(request);
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	push_stage(request, stage_send);
	make_runnable(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	push_stage(request, stage_start);
	wait_socket(request);
}
