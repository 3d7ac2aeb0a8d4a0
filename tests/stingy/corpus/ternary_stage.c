/* SPDX-License-Identifier: MIT */
/* A ternary chooses the stage, nested in another. */
#include "corpus.h"

static void stage_a(struct request *request)
{
	request->state = 1;
}

static void stage_b(struct request *request)
{
	request->state = 2;
}

static void stage_c(struct request *request)
{
	request->state = 3;
}

void stage_start(struct request *request)
{
	queue_stage(request, request->fd < 0 ? stage_a : request->length ? stage_b : stage_c);
}
