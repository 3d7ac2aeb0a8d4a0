/* SPDX-License-Identifier: MIT */
/* Early failures unwind with goto, in reverse order of what was made. */
#include "corpus.h"

static void stage_refuse(struct request *request)
{
	request->state = 503;
}

static void stage_done(struct request *request)
{
	free(request->file);
	free(request->buffer);
	free(request->header);
	request->header = NULL;
	request->buffer = NULL;
	request->file = NULL;
}

void stage_start(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	if (!request->header)
		goto refuse;
	request->buffer = malloc(sizeof(*request->buffer));
	if (!request->buffer)
		goto drop_header;
	request->file = malloc(sizeof(*request->file));
	if (!request->file)
		goto drop_buffer;
	queue_stage(request, stage_done);
	return;

drop_buffer:
	free(request->buffer);
	request->buffer = NULL;
drop_header:
	free(request->header);
	request->header = NULL;
refuse:
	queue_stage(request, stage_refuse);
}
