/* SPDX-License-Identifier: MIT */
/* The request itself is made by accept and freed by the last stage. */
#include "corpus.h"

static void stage_close(struct request *request)
{
	free(request->buffer);
	free(request);
}

static void stage_read(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	queue_stage(request, stage_close);
}

void stage_start(struct request *unused)
{
	struct request *request = calloc(1, sizeof(*request));

	(void)unused;
	if (request)
		queue_stage(request, stage_read);
}
