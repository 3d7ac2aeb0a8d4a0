/* SPDX-License-Identifier: MIT */
/* The callback travels in a struct that is copied twice, once by assignment and once by memcpy. */
#include "corpus.h"

struct callbacks {
	int priority;
	stage_fn *done;
};

struct connection {
	struct callbacks callbacks;
};

static struct connection connection;

static void stage_done(struct request *request)
{
	request->state = 0;
}

static const struct callbacks defaults = { .priority = 1, .done = stage_done };

static void stage_work(struct request *request)
{
	struct callbacks chosen;

	memcpy(&chosen, &connection.callbacks, sizeof(chosen));
	queue_stage(request, chosen.done);
}

void stage_start(struct request *request)
{
	connection.callbacks = defaults;
	queue_stage(request, stage_work);
}
