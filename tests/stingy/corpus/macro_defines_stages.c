/* SPDX-License-Identifier: MIT */
/* The stage functions themselves are made by a macro. */
#include "corpus.h"

#define DEFINE_STAGE(name, next)				\
	static void stage_##name(struct request *request)	\
	{							\
		request->state++;				\
		queue_stage(request, stage_##next);		\
	}

static void stage_last(struct request *request)
{
	request->state = 0;
}

DEFINE_STAGE(second, last)
DEFINE_STAGE(first, second)

void stage_start(struct request *request)
{
	queue_stage(request, stage_first);
}
