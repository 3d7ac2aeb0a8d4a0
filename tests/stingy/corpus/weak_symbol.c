/* SPDX-License-Identifier: MIT */
/* A weak function is a stage like any other; it may be absent. */
#include "corpus.h"

void stage_hook(struct request *request) __attribute__((weak));

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	if (stage_hook)
		queue_stage(request, stage_hook);
	else
		queue_stage(request, stage_done);
}
