/* SPDX-License-Identifier: MIT */
/* A constant operation table with designated initialisers; the operation is reached by a pointer. */
#include "corpus.h"

struct body_ops {
	struct buffer *(*open)(void);
	void (*close)(struct buffer *);
};

static struct buffer *plain_open(void)
{
	return malloc(sizeof(struct buffer));
}

static void plain_close(struct buffer *buffer)
{
	free(buffer);
}

static const struct body_ops plain_ops = { .open = plain_open, .close = plain_close };

static void stage_close(struct request *request)
{
	const struct body_ops *ops = &plain_ops;

	ops->close(request->buffer);
	request->buffer = NULL;
}

void stage_start(struct request *request)
{
	request->buffer = plain_ops.open();
	if (request->buffer)
		queue_stage(request, stage_close);
}
