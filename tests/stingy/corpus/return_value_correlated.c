/* SPDX-License-Identifier: MIT */
/* A function returns 0 if and only if it made the object: the error path never has it. */
#include "corpus.h"

static int file_open(struct request *request)
{
	struct file *file;

	if (request->fd < 0)
		return -2;
	file = malloc(sizeof(*file));
	if (!file)
		return -12;
	file->fd = request->fd;
	request->file = file;
	return 0;
}

static void stage_refuse(struct request *request)
{
	request->state = 404;
}

static void stage_done(struct request *request)
{
	free(request->file);
	request->file = NULL;
}

void stage_start(struct request *request)
{
	int error = file_open(request);

	if (error)
		queue_stage(request, stage_refuse);
	else
		queue_stage(request, stage_done);
}
