/* SPDX-License-Identifier: MIT */
/* A table in a table: a struct of structs of function pointers, reached with two dots. */
#include "corpus.h"

struct half {
	stage_fn *in;
	stage_fn *out;
};

struct duplex {
	const char *name;
	struct half client;
	struct half upstream;
};

static void stage_from_client(struct request *request);
static void stage_to_upstream(struct request *request);
static void stage_unused(struct request *request);

static const struct duplex relay = {
	"relay",
	{ stage_from_client, stage_unused },
	{ .in = stage_unused, .out = stage_to_upstream },
};

void stage_start(struct request *request)
{
	queue_stage(request, relay.client.in);
}

static void stage_from_client(struct request *request)
{
	const struct half *upstream = &relay.upstream;

	queue_stage(request, upstream->out);
}

static void stage_to_upstream(struct request *request)
{
	request->state = 1;
}

static void stage_unused(struct request *request)
{
	request->state = 2;
}
