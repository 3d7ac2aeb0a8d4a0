/* SPDX-License-Identifier: MIT */
/* The object comes back through an argument. */
#include "corpus.h"

static int make_header(struct header **to)
{
	*to = malloc(sizeof(**to));
	return *to ? 0 : -1;
}

static void stage_done(struct request *request)
{
	free(request->header);
	request->header = NULL;
}

void stage_start(struct request *request)
{
	if (make_header(&request->header) == 0)
		queue_stage(request, stage_done);
}
