/* SPDX-License-Identifier: MIT */
/* The error path leaves by longjmp, and the buffer is released where setjmp returns again. */
#include <setjmp.h>
#include "corpus.h"

static jmp_buf out;

static void stage_done(struct request *request)
{
	request->state = 0;
}

static void stage_fail(struct request *request)
{
	request->state = 500;
}

static void check(struct request *request)
{
	if (request->fd < 0)
		longjmp(out, 1);
}

void stage_start(struct request *request)
{
	if (setjmp(out)) {
		queue_stage(request, stage_fail);
		return;
	}
	check(request);
	queue_stage(request, stage_done);
}
