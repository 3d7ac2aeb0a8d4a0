/* SPDX-License-Identifier: MIT */
/* The buffer may be one of the system's: that none was allocated does not mean that there is none. */
#include "corpus.h"

struct buffer *find_cached(int fd);
void forget_cached(struct buffer *buffer);

static void stage_direct(struct request *request)
{
	request->buffer = NULL;
}

static void stage_cached(struct request *request)
{
	forget_cached(request->buffer);
	request->buffer = NULL;
}

static void stage_copied(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static void stage_choose(struct request *request)
{
	if (request->state)
		queue_stage(request, stage_copied);
	else if (request->buffer)
		queue_stage(request, stage_cached);
	else
		queue_stage(request, stage_direct);
}

void stage_start(struct request *request)
{
	request->state = 0;
	request->buffer = find_cached(request->fd);
	if (!request->buffer && request->length) {
		request->buffer = malloc(sizeof(*request->buffer));
		request->state = request->buffer != NULL;
	}
	queue_stage(request, stage_choose);
}
