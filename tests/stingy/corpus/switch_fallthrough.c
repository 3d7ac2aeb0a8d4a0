/* SPDX-License-Identifier: MIT */
/* Cases fall through: what one makes, the next releases. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->header);
	request->header = NULL;
}

static void stage_end(struct request *request)
{
	request->state = 9;
}

void stage_start(struct request *request)
{
	struct buffer *scratch = NULL;

	switch (request->state) {
	case 0:
		scratch = malloc(sizeof(*scratch));
		/* fall through */
	case 1:
		free(scratch);
		queue_stage(request, stage_end);
		break;
	case 2:
		request->header = malloc(sizeof(*request->header));
		queue_stage(request, stage_done);
		break;
	default:
		return;
	}
}
