/* SPDX-License-Identifier: MIT */
/* A local flag correlates the allocation with the release in one function. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	struct buffer *scratch = NULL;
	int used = 0;

	if (request->length > 10) {
		scratch = malloc(sizeof(*scratch));
		if (!scratch)
			return;
		used = 1;
	}
	request->state = socket_read(request->fd, &request->length, sizeof(request->length));
	if (used)
		free(scratch);
	queue_stage(request, stage_done);
}
