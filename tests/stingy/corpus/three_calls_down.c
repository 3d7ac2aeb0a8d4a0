/* SPDX-License-Identifier: MIT */
/* The allocation, the release and the queueing are three calls below the stage. */
#include "corpus.h"

static struct header *allocate(size_t bytes)
{
	return malloc(bytes);
}

static struct header *make_header(void)
{
	struct header *header = allocate(sizeof(struct header));

	if (header)
		header->text[0] = '\0';
	return header;
}

static int attach_header(struct request *request)
{
	request->header = make_header();
	return request->header != NULL;
}

static void release(void *memory)
{
	free(memory);
}

static void drop_header(struct request *request)
{
	release(request->header);
	request->header = NULL;
}

static void stage_done(struct request *request)
{
	drop_header(request);
}

static void go_on(struct request *request)
{
	queue_stage(request, stage_done);
}

static void finish_start(struct request *request)
{
	if (attach_header(request))
		go_on(request);
}

void stage_start(struct request *request)
{
	finish_start(request);
}
