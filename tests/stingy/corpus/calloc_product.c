/* SPDX-License-Identifier: MIT */
/* The size is a product of two arguments. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->file);
	request->file = NULL;
}

void stage_start(struct request *request)
{
	request->file = calloc(4, sizeof(*request->file));
	if (request->file)
		queue_stage(request, stage_done);
}
