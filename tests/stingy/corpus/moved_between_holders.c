/* SPDX-License-Identifier: MIT */
/* The object moves to another field before it is freed through that. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

static void stage_move(struct request *request)
{
	request->data = request->header;
	request->header = NULL;
	queue_stage(request, stage_done);
}

void stage_start(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	if (request->header)
		queue_stage(request, stage_move);
}
