/* SPDX-License-Identifier: MIT */
/* Queue_Stage is hidden by a macro that also makes the stage's name. */
#include "corpus.h"

#define NEXT(request, name) queue_stage((request), stage_##name)

static void stage_work(struct request *request);
static void stage_done(struct request *request);

void stage_start(struct request *request)
{
	NEXT(request, work);
}

static void stage_work(struct request *request)
{
	if (request->fd < 0)
		NEXT(request, done);
	else
		NEXT(request, work);
}

static void stage_done(struct request *request)
{
	request->fd = -1;
}
