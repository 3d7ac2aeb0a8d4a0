/* SPDX-License-Identifier: MIT */
/* A stage jumps through a table of labels. */
#include "corpus.h"

static void stage_add(struct request *request)
{
	request->state++;
}

static void stage_stop(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	static const void *const actions[] = { &&add, &&stop };

	goto *actions[request->fd & 1];
add:
	queue_stage(request, stage_add);
	return;
stop:
	queue_stage(request, stage_stop);
}
