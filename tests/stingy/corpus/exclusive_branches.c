/* SPDX-License-Identifier: MIT */
/* Two stages each make their own object and free it; a third sees neither. */
#include "corpus.h"

static void stage_end(struct request *request)
{
	request->state = 0;
}

static void stage_header(struct request *request)
{
	free(request->header);
	request->header = NULL;
	queue_stage(request, stage_end);
}

static void stage_buffer(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
	queue_stage(request, stage_end);
}

void stage_start(struct request *request)
{
	if (request->fd > 0) {
		request->header = malloc(sizeof(*request->header));
		queue_stage(request, stage_header);
	} else {
		request->buffer = malloc(sizeof(*request->buffer));
		queue_stage(request, stage_buffer);
	}
}
