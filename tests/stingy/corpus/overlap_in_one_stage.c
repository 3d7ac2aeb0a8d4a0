/* SPDX-License-Identifier: MIT */
/* The old object is freed after the new one was made: for a moment there are both. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static void stage_convert(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	if (request->buffer)
		memcpy(request->buffer, request->header, sizeof(*request->header));
	free(request->header);
	request->header = NULL;
	queue_stage(request, stage_done);
}

void stage_start(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	if (request->header)
		queue_stage(request, stage_convert);
}
