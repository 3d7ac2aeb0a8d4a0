/* SPDX-License-Identifier: MIT */
/* The request and its header are used through aliases. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	struct request *same = request;
	struct header **place = &same->header;
	struct header *header = *place;

	*place = NULL;
	free(header);
}

void stage_start(struct request *request)
{
	struct request *const alias = request;
	struct header *made;

	made = alias->header = malloc(sizeof(*made));
	if (!made)
		return;
	queue_stage(alias, stage_done);
}
