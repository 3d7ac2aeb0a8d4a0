/* SPDX-License-Identifier: MIT */
/* A second allocation overwrites the only pointer to the first. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static void stage_again(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	queue_stage(request, stage_done);
}

void stage_start(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	queue_stage(request, stage_again);
}
