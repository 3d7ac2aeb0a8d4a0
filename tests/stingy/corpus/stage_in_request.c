/* SPDX-License-Identifier: MIT */
/* What follows was stored in the request by an earlier stage, one of two. */
#include "corpus.h"

struct call {
	stage_fn *on_done;
};

static struct call call;

static void stage_good(struct request *request)
{
	request->state = 1;
}

static void stage_bad(struct request *request)
{
	request->state = 2;
}

static void stage_work(struct request *request)
{
	request->length++;
	queue_stage(request, call.on_done);
}

void stage_start(struct request *request)
{
	call.on_done = stage_good;
	if (request->fd < 0)
		call.on_done = stage_bad;
	queue_stage(request, stage_work);
}
