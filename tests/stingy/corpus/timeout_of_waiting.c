/* SPDX-License-Identifier: MIT */
/* The scheduler times requests out, and only those that wait: a runnable one never meets the stage. */
#include "stack.h"

struct request *waiting;

static void stage_late(struct request *request, int blocking)
{
	(void)blocking;
	free(request->header);
	request->header = NULL;
	request->fd = -1;
}

static void stage_work(struct request *request, int blocking)
{
	(void)blocking;
	free(request->buffer);
	request->buffer = NULL;
	make_runnable(request);
}

static void stage_read(struct request *request, int blocking)
{
	(void)blocking;
	free(request->header);
	request->header = NULL;
	request->buffer = malloc(sizeof(*request->buffer));
	push_stage(request, stage_work);
	make_runnable(request);
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	request->header = malloc(sizeof(*request->header));
	push_stage(request, stage_read);
	wait_socket(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	request->fd = -1;
}

void expire(void)
{
	struct request *request = waiting;

	request->depth = 0;
	push_stage(request, stage_late);
	make_runnable(request);
}

void timer_loop(void)
{
	for (;;)
		expire();
}
