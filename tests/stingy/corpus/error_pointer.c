/* SPDX-License-Identifier: MIT */
/* A function returns its object or, in the same pointer, an error. */
#include <errno.h>
#include <stdbool.h>
#include "corpus.h"

#define MAX_ERRNO 4095

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *pointer)
{
	return (long)pointer;
}

static inline bool IS_ERR(const void *pointer)
{
	return (unsigned long)pointer >= (unsigned long)-MAX_ERRNO;
}

static void stage_refuse(struct request *request)
{
	request->state = -1;
}

static void stage_done(struct request *request)
{
	free(request->header);
	request->header = NULL;
}

static struct header *read_header(struct request *request)
{
	struct header *header = malloc(sizeof(*header));

	if (!header)
		return ERR_PTR(-ENOMEM);
	if (socket_read(request->fd, header, sizeof(*header)) < 0) {
		free(header);
		return ERR_PTR(-EIO);
	}
	return header;
}

void stage_start(struct request *request)
{
	struct header *header = read_header(request);

	if (!IS_ERR(header)) {
		request->header = header;
		queue_stage(request, stage_done);
	} else if (PTR_ERR(header) == -ENOMEM) {
		wait_timer(request, stage_start);
	} else {
		queue_stage(request, stage_refuse);
	}
}
