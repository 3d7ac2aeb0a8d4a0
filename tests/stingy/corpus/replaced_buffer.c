/* SPDX-License-Identifier: MIT */
/* A new buffer comes before the old one is dropped: if there is one. */
#include "stack.h"

static void drop_buffer(struct request *request)
{
	if (!request->buffer)
		return;
	free(request->buffer);
	request->buffer = NULL;
}

void stage_flush(struct request *request, int blocking)
{
	drop_buffer(request);
}

void stage_start(struct request *request, int blocking)
{
	struct buffer *buffer = malloc(sizeof(*buffer));

	if (!buffer) {
		make_runnable(request);
		return;
	}
	if (file_read(request->fd, buffer->bytes, sizeof(buffer->bytes), blocking) < 0) {
		free(buffer);
		make_runnable(request);
		return;
	}
	drop_buffer(request);
	request->buffer = buffer;
	make_runnable(request);
}
