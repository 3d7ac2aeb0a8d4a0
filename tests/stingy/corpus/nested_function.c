/* SPDX-License-Identifier: MIT */
/* A function in a function, which gcc has and clang has not: refused, with the reason. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	void go(stage_fn *then)
	{
		queue_stage(request, then);
	}

	go(stage_done);
}
