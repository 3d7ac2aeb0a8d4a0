/* SPDX-License-Identifier: MIT */
/* A constant flag says which thread runs a stage: in the helper it never hands over again. */
#include "stack.h"

static void stage_read(struct request *request, int blocking)
{
	int got = file_read(request->fd, request, 1, blocking);

	if (got < 0 && !blocking) {
		push_stage(request, stage_read);
		hand_to_helper(request);
		return;
	}
	make_runnable(request);
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	push_stage(request, stage_read);
	make_runnable(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -1;
}
