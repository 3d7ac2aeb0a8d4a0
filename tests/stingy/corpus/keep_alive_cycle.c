/* SPDX-License-Identifier: MIT */
/* The graph has a cycle: the buffer is made anew for each round, the header lives over all. */
#include "corpus.h"

static void stage_reply(struct request *request);

static void stage_close(struct request *request)
{
	free(request->header);
	request->header = NULL;
}

static void stage_read(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	if (!request->buffer) {
		queue_stage(request, stage_close);
		return;
	}
	queue_stage(request, stage_reply);
}

static void stage_reply(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
	if (request->state)
		wait_socket(request, stage_read);
	else
		queue_stage(request, stage_close);
}

void stage_start(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	if (request->header)
		wait_socket(request, stage_read);
}
