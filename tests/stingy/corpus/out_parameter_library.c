/* SPDX-License-Identifier: MIT */
/* An allocator of the library with an out parameter, as posix_memalign. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	if (posix_memalign(&request->data, 64, 4096) == 0)
		queue_stage(request, stage_done);
}
