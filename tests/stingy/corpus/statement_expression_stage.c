/* SPDX-License-Identifier: MIT */
/* The stage is the value of a statement expression with a local choice. */
#include "corpus.h"

static void stage_small(struct request *request)
{
	request->state = 1;
}

static void stage_large(struct request *request)
{
	request->state = 2;
}

void stage_start(struct request *request)
{
	queue_stage(request, ({
		stage_fn *chosen = stage_small;

		if (request->length > 4096)
			chosen = stage_large;
		chosen;
	}));
}
