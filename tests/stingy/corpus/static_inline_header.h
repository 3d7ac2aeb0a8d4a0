/* SPDX-License-Identifier: MIT */
#ifndef STATIC_INLINE_HEADER_H
#define STATIC_INLINE_HEADER_H

#include "corpus.h"

static inline int buffer_make(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	return request->buffer != NULL;
}

static inline void buffer_drop(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static inline void go(struct request *request, stage_fn *stage)
{
	queue_stage(request, stage);
}

#endif
