/* SPDX-License-Identifier: MIT */
/* A helper's constant argument decides which stage follows; each caller gives one value. */
#include "corpus.h"

static void stage_retry(struct request *request)
{
	request->state = 1;
}

static void stage_fail(struct request *request)
{
	request->state = 2;
}

static void handle_error(struct request *request, int fatal)
{
	if (fatal)
		queue_stage(request, stage_fail);
	else
		queue_stage(request, stage_retry);
}

static void stage_read(struct request *request)
{
	handle_error(request, 1);
}

void stage_start(struct request *request)
{
	if (request->fd < 0)
		handle_error(request, 0);
	else
		queue_stage(request, stage_read);
}
