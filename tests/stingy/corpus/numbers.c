/* SPDX-License-Identifier: MIT */
/* Two arrays of numbers have one type, and nothing else in common. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	int *counts = calloc(3, sizeof(int));
	int *order = malloc(8 * sizeof(int));

	if (order)
		order[0] = request->fd;
	free(order);
	request->data = counts;
	queue_stage(request, stage_done);
}
