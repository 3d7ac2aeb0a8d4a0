/* SPDX-License-Identifier: MIT */
/* A function returns the stage; its argument is a constant, so one of the two is meant. */
#include "corpus.h"

static void stage_get(struct request *request)
{
	request->state = 1;
}

static void stage_put(struct request *request)
{
	request->state = 2;
}

static stage_fn *handler_of(int method)
{
	if (method == 'P')
		return stage_put;
	return stage_get;
}

static void stage_middle(struct request *request)
{
	queue_stage(request, handler_of('P'));
}

void stage_start(struct request *request)
{
	if (request->fd > 100)
		queue_stage(request, handler_of(request->state));
	else
		queue_stage(request, stage_middle);
}
