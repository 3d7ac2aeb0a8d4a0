/* SPDX-License-Identifier: MIT */
/* An error pointer is passed up as another type, and as a number. */
#include <errno.h>
#include "corpus.h"

#define ERR_PTR(error) ((void *)(long)(error))
#define PTR_ERR(pointer) ((long)(pointer))
#define IS_ERR_OR_NULL(pointer) (!(pointer) || (unsigned long)(pointer) >= (unsigned long)-4095)
#define ERR_CAST(pointer) ((void *)(pointer))

struct path {
	int depth;
};

static struct path *find_path(struct request *request)
{
	if (request->fd < 0)
		return ERR_PTR(-EBADF);
	return malloc(sizeof(struct path));
}

static struct file *open_file(struct request *request)
{
	struct path *path = find_path(request);
	struct file *file;

	if (IS_ERR_OR_NULL(path))
		return ERR_CAST(path);
	file = malloc(sizeof(*file));
	free(path);
	return file ? file : ERR_PTR(-ENOMEM);
}

static int prepare(struct request *request)
{
	struct file *file = open_file(request);

	if (IS_ERR_OR_NULL(file))
		return file ? PTR_ERR(file) : -ENOENT;
	request->file = file;
	return 0;
}

static void stage_done(struct request *request)
{
	free(request->file);
	request->file = NULL;
}

static void stage_failed(struct request *request)
{
	request->state = -1;
}

void stage_start(struct request *request)
{
	queue_stage(request, prepare(request) ? stage_failed : stage_done);
}
