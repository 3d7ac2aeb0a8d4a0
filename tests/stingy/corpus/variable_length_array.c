/* SPDX-License-Identifier: MIT */
/* A variable-length array on the stack: no bound without an assumption. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	char copy[request->length + 1];

	memcpy(copy, request->data, request->length);
	copy[request->length] = '\0';
	request->state = socket_write(request->fd, copy, request->length);
	queue_stage(request, stage_done);
}
