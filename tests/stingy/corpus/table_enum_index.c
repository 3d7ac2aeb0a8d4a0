/* SPDX-License-Identifier: MIT */
/* Stages in an array with designated indices; every index used is a constant. */
#include "corpus.h"

enum step { STEP_READ, STEP_SEND, STEP_COUNT };

static void stage_read(struct request *request);
static void stage_send(struct request *request);

static stage_fn *const steps[STEP_COUNT] = {
	[STEP_SEND] = stage_send,
	[STEP_READ] = stage_read,
};

void stage_start(struct request *request)
{
	queue_stage(request, steps[STEP_READ]);
}

static void stage_read(struct request *request)
{
	queue_stage(request, steps[STEP_READ + 1]);
}

static void stage_send(struct request *request)
{
	request->state = STEP_COUNT;
}
