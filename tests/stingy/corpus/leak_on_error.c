/* SPDX-License-Identifier: MIT */
/* An error path forgets the header. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->header);
	request->header = NULL;
}

static void stage_fail(struct request *request)
{
	request->state = 500;
}

void stage_start(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	if (!request->header)
		return;
	if (socket_read(request->fd, request->header, sizeof(*request->header)) < 0) {
		queue_stage(request, stage_fail);
		return;
	}
	queue_stage(request, stage_done);
}
