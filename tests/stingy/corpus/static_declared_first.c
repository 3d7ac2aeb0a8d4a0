/* SPDX-License-Identifier: MIT */
/* A function is declared static, and defined without that word: it is static all the same. */
#include "corpus.h"

static void stage_done(struct request *request);

void stage_start(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	if (request->buffer)
		queue_stage(request, stage_done);
}

void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}
