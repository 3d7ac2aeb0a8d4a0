/* SPDX-License-Identifier: MIT */
/* Stages in a table with the old GNU initialiser syntax, `field: value`. */
#include "corpus.h"

struct protocol {
	stage_fn *begin;
	stage_fn *end;
};

static void stage_begin(struct request *request);
static void stage_end(struct request *request);

static struct protocol http = {
	begin: stage_begin,
	end: stage_end,
};

void stage_start(struct request *request)
{
	queue_stage(request, http.begin);
}

static void stage_begin(struct request *request)
{
	queue_stage(request, http.end);
}

static void stage_end(struct request *request)
{
	request->state = 0;
}
