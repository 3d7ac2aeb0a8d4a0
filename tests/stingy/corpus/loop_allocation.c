/* SPDX-License-Identifier: MIT */
/* A list of parts grows with the input: how many can be live has no bound. */
#include "corpus.h"

struct part {
	struct part *next;
	char text[56];
};

static void stage_done(struct request *request)
{
	struct part *part = request->data;

	while (part) {
		struct part *next = part->next;

		free(part);
		part = next;
	}
	request->data = NULL;
}

void stage_start(struct request *request)
{
	struct part *part;

	request->data = NULL;
	while ((part = malloc(sizeof(*part)))) {
		part->next = request->data;
		request->data = part;
		if (socket_read(request->fd, part->text, sizeof(part->text)) <= 0)
			break;
	}
	queue_stage(request, stage_done);
}
