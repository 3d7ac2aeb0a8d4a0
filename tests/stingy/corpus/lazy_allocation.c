/* SPDX-License-Identifier: MIT */
/* A stage comes back until it has all: the header is made the first time, and never twice. */
#include "stack.h"

void stage_flush(struct request *request, int blocking)
{
	free(request->header);
	request->header = NULL;
}

static void stage_send(struct request *request, int blocking)
{
	if (socket_write(request->fd, request->header, sizeof(*request->header)) < 0) {
		push_stage(request, stage_send);
		wait_socket(request);
		return;
	}
	make_runnable(request);
}

void stage_start(struct request *request, int blocking)
{
	if (!request->header)
		request->header = malloc(sizeof(*request->header));
	if (!request->header)
		return;
	if (socket_write(request->fd, NULL, 0) < 0) {
		push_stage(request, stage_start);
		wait_socket(request);
		return;
	}
	push_stage(request, stage_send);
	make_runnable(request);
}
