/* SPDX-License-Identifier: MIT */
/* Four ways out of one function, each with its own clean-up. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static int check(struct request *request, struct header *header)
{
	int got = socket_read(request->fd, header->text, sizeof(header->text));

	if (got < 0) {
		free(header);
		return -1;
	}
	if (got == 0) {
		free(header);
		return 0;
	}
	if (header->text[0] != 'G') {
		free(header);
		return -2;
	}
	free(header);
	return got;
}

void stage_start(struct request *request)
{
	struct header *header = malloc(sizeof(*header));

	if (!header)
		return;
	if (check(request, header) <= 0)
		return;
	request->buffer = malloc(sizeof(*request->buffer));
	if (request->buffer)
		queue_stage(request, stage_done);
}
