/* SPDX-License-Identifier: MIT */
/* strdup allocates: its size is unknown, its holder has no type of its own. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	request->data = strdup("name");
	if (request->data)
		queue_stage(request, stage_done);
}
