/* SPDX-License-Identifier: MIT */
/* The release is hidden in an attribute: it happens when the variable goes out of scope. */
#include "corpus.h"

static void drop_buffer(struct buffer **buffer)
{
	free(*buffer);
}

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	__attribute__((cleanup(drop_buffer))) struct buffer *scratch = malloc(sizeof(*scratch));

	if (scratch && socket_read(request->fd, scratch->bytes, 1024) < 0)
		return;
	queue_stage(request, stage_done);
}
