/* SPDX-License-Identifier: MIT */
/* Allocation, release and queueing are static inline functions in a header. */
#include "static_inline_header.h"

static void stage_done(struct request *request)
{
	buffer_drop(request);
}

void stage_start(struct request *request)
{
	if (buffer_make(request))
		go(request, stage_done);
}
