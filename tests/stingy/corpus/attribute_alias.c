/* SPDX-License-Identifier: MIT */
/* The queued name is an alias of another function: that function is the stage. */
#include "corpus.h"

void stage_real(struct request *request)
{
	request->state = 1;
}

void stage_nickname(struct request *request) __attribute__((alias("stage_real")));

void stage_start(struct request *request)
{
	queue_stage(request, stage_nickname);
}
