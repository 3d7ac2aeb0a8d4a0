/* SPDX-License-Identifier: MIT */
/* The allocation stands in a GNU statement expression. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

void stage_start(struct request *request)
{
	request->buffer = ({
		struct buffer *made = malloc(sizeof(*made));

		if (made)
			made->bytes[0] = '\0';
		made;
	});
	if (request->buffer)
		queue_stage(request, stage_done);
}
