/* SPDX-License-Identifier: MIT */
/* A walk over a table of named stages with a pointer, as a lookup by name does. */
#include "corpus.h"

struct command {
	const char *name;
	stage_fn *stage;
};

static void stage_get(struct request *request)
{
	request->state = 1;
}

static void stage_quit(struct request *request)
{
	request->state = 2;
}

static void stage_unknown(struct request *request)
{
	request->state = 3;
}

static const struct command commands[] = {
	{ "get", stage_get },
	{ "quit", stage_quit },
	{ NULL, stage_unknown },
};

void stage_start(struct request *request)
{
	const struct command *command = commands;

	while (command->name && strcmp(command->name, request->data))
		command++;
	queue_stage(request, command->stage);
}
