/* SPDX-License-Identifier: MIT */
/* A function that nobody knows may fill the variable whose address it is given. */
#include "corpus.h"

struct hooks {
	int (*attach)(struct request *request, struct file **file);
};

void register_hooks(struct hooks *hooks);

static void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

void stage_start(struct request *request)
{
	struct hooks hooks;
	struct file *found = NULL;

	register_hooks(&hooks);
	hooks.attach(request, &found);
	if (found)
		request->buffer = malloc(sizeof(*request->buffer));
	queue_stage(request, stage_done);
}
