/* SPDX-License-Identifier: MIT */
/* A flexible array member with a length from the network; the annotation gives the bound. */
#include "corpus.h"

struct message {
	size_t length;
	char text[];
};

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	struct message *message;
	unsigned short length;

	if (socket_read(request->fd, &length, sizeof(length)) < 0 || length > 4000)
		return;
	message = malloc(sizeof(*message) + length);
	if (!message)
		return;
	message->length = length;
	request->data = message;
	queue_stage(request, stage_done);
}
