/* SPDX-License-Identifier: MIT */
/* A function-like macro evaluates its argument twice: up to two buffers are made, one is lost. */
#include "corpus.h"

#define FIRST_OF(a, b) ((a) ? (a) : (b))

static struct buffer *buffer_new(void)
{
	return malloc(sizeof(struct buffer));
}

static void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

void stage_start(struct request *request)
{
	request->buffer = FIRST_OF(buffer_new(), NULL);
	if (request->buffer)
		queue_stage(request, stage_done);
}
