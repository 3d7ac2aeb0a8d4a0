/* SPDX-License-Identifier: MIT */
/* The buffer exists on one path only, and is released where it exists. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	if (request->buffer) {
		free(request->buffer);
		request->buffer = NULL;
	}
}

static void stage_plain(struct request *request)
{
	queue_stage(request, stage_done);
}

void stage_start(struct request *request)
{
	request->buffer = NULL;
	if (request->length > 100) {
		request->buffer = malloc(sizeof(*request->buffer));
		if (request->buffer)
			queue_stage(request, stage_done);
		return;
	}
	queue_stage(request, stage_plain);
}
