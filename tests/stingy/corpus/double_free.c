/* SPDX-License-Identifier: MIT */
/* On one path the header is released twice. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->header);
}

void stage_start(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	if (!request->header)
		return;
	if (request->fd < 0)
		free(request->header);
	queue_stage(request, stage_done);
}
