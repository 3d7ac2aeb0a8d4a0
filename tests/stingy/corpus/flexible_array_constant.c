/* SPDX-License-Identifier: MIT */
/* A flexible array member with a constant length: the size is known. */
#include "corpus.h"

#define TEXT_LENGTH 240

struct message {
	size_t length;
	int kind;
	char text[];
};

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	struct message *message = malloc(offsetof(struct message, text) + TEXT_LENGTH);

	if (!message)
		return;
	message->length = TEXT_LENGTH;
	request->data = message;
	queue_stage(request, stage_done);
}
