/* SPDX-License-Identifier: MIT */
/* Allocation in a condition, in a comma expression, and behind &&. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->header), request->header = NULL;
	free(request->buffer), request->buffer = NULL;
}

void stage_start(struct request *request)
{
	if ((request->header = malloc(sizeof(*request->header))) == NULL)
		return;
	if (request->fd >= 0 && !(request->buffer = malloc(sizeof(*request->buffer)))) {
		free(request->header);
		return;
	}
	request->state = 1, queue_stage(request, stage_done);
}
