/* SPDX-License-Identifier: MIT */
/* Definitions as in K&R: parameters are declared between the list and the body. */
#include "corpus.h"

static struct header *make_header(size)
	int size;
{
	return malloc((size_t)size);
}

static void stage_done(request)
	struct request *request;
{
	free(request->header);
	request->header = NULL;
}

void stage_start(request)
	register struct request *request;
{
	request->header = make_header((int)sizeof(struct header));
	if (request->header)
		queue_stage(request, stage_done);
}
