/* SPDX-License-Identifier: MIT */
/* The header is gone before the buffer comes, over a stage that comes from the stack. */
#include "stack.h"

static void stage_head(struct request *request, int blocking)
{
	(void)blocking;
	free(request->header);
	request->header = NULL;
	make_runnable(request);
}

static void stage_body(struct request *request, int blocking)
{
	request->buffer = malloc(sizeof(*request->buffer));
	if (request->buffer)
		file_read(request->fd, request->buffer, sizeof(*request->buffer), blocking);
	make_runnable(request);
}

void stage_start(struct request *request, int blocking)
{
	(void)blocking;
	request->header = malloc(sizeof(*request->header));
	if (!request->header)
		return;
	push_stage(request, stage_body);
	push_stage(request, stage_head);
	make_runnable(request);
}

void stage_flush(struct request *request, int blocking)
{
	(void)blocking;
	free(request->buffer);
	request->buffer = NULL;
}
