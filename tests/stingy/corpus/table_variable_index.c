/* SPDX-License-Identifier: MIT */
/* The index into the table of stages comes from the network: any entry may be meant. */
#include "corpus.h"

static void stage_get(struct request *request)
{
	request->state = 1;
}

static void stage_put(struct request *request)
{
	request->state = 2;
}

static void stage_drop(struct request *request)
{
	request->state = 3;
}

static stage_fn *const verbs[] = { stage_get, stage_put, stage_drop };

void stage_start(struct request *request)
{
	unsigned char verb;

	if (socket_read(request->fd, &verb, 1) == 1 && verb < sizeof(verbs) / sizeof(verbs[0]))
		queue_stage(request, verbs[verb]);
}
