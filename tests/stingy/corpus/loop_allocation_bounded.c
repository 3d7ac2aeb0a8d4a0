/* SPDX-License-Identifier: MIT */
/* A loop with a constant bound makes four buffers. */
#include "corpus.h"

#define PARTS 4

struct parts {
	struct buffer *part[PARTS];
};

static struct parts parts;

static void stage_done(struct request *request)
{
	for (int i = 0; i < PARTS; i++) {
		free(parts.part[i]);
		parts.part[i] = NULL;
	}
	request->state = 0;
}

void stage_start(struct request *request)
{
	for (int i = 0; i < PARTS; i++)
		parts.part[i] = malloc(sizeof(struct buffer));
	queue_stage(request, stage_done);
}
