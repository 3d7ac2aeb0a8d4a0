/* SPDX-License-Identifier: MIT */
/* One allocation holds a header and three files: its size is arithmetic on sizeof. */
#include "corpus.h"

#define FILES 3
#define ROUND_UP(value, step) (((value) + (step) - 1) / (step) * (step))

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	request->data = malloc(ROUND_UP(sizeof(struct header) + FILES * sizeof(struct file), 64)
			       + (sizeof(long) << 1));
	if (request->data)
		queue_stage(request, stage_done);
}
