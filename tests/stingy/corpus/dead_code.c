/* SPDX-License-Identifier: MIT */
/* What a constant condition or the preprocessor removes is no edge. */
#include "corpus.h"

#define DEBUG 0

static void stage_done(struct request *request)
{
	request->state = 0;
}

static void stage_trace(struct request *request)
{
	request->state = 1;
}

void stage_start(struct request *request)
{
	if (DEBUG)
		queue_stage(request, stage_trace);
	if (sizeof(int) == 1)
		queue_stage(request, stage_trace);
#ifdef NEVER_DEFINED
	queue_stage(request, stage_trace);
#endif
	while (0)
		queue_stage(request, stage_trace);
	queue_stage(request, stage_done);
}
