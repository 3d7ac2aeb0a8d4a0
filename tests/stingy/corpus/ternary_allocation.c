/* SPDX-License-Identifier: MIT */
/* Two allocations of different types in one expression: never both. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	request->data = request->length > 512 ? (void *)malloc(sizeof(struct buffer))
					      : (void *)malloc(sizeof(struct header));
	if (request->data)
		queue_stage(request, stage_done);
}
