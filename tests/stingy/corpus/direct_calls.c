/* SPDX-License-Identifier: MIT */
/* A stage calls the next stage, and that one queues a third. */
#include "corpus.h"

static void stage_end(struct request *request)
{
	request->state = 0;
}

static void stage_middle(struct request *request)
{
	queue_stage(request, stage_end);
}

void stage_start(struct request *request)
{
	if (request->fd < 0)
		stage_middle(request);
	else
		queue_stage(request, stage_middle);
}
