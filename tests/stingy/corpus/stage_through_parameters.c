/* SPDX-License-Identifier: MIT */
/* The stage is a parameter of a parameter: two helpers pass it on. */
#include "corpus.h"

static void stage_a(struct request *request)
{
	request->state = 1;
}

static void stage_b(struct request *request)
{
	request->state = 2;
}

static void go(struct request *request, stage_fn *then)
{
	request->length = 0;
	queue_stage(request, then);
}

static void go_checked(struct request *request, stage_fn *good, stage_fn *bad)
{
	if (request->fd >= 0)
		go(request, good);
	else
		go(request, bad);
}

static void stage_middle(struct request *request)
{
	go(request, stage_b);
}

void stage_start(struct request *request)
{
	go_checked(request, stage_middle, stage_a);
}
