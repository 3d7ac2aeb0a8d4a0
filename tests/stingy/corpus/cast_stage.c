/* SPDX-License-Identifier: MIT */
/* The stage is kept in a `void *` and cast back. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	request->state = 0;
}

static void stage_work(struct request *request)
{
	queue_stage(request, (stage_fn *)request->data);
}

void stage_start(struct request *request)
{
	request->data = (void *)stage_done;
	queue_stage(request, stage_work);
}
