/* SPDX-License-Identifier: MIT */
/* _Generic and typeof choose at compile time. */
#include "corpus.h"

static void stage_number(struct request *request)
{
	request->state = 1;
}

static void stage_text(struct request *request)
{
	request->state = 2;
}

#define STAGE_OF(value) _Generic((value), char *: stage_text, int: stage_number)

static void stage_middle(struct request *request)
{
	__typeof__(request->fd) number = 7;

	queue_stage(request, STAGE_OF(number));
}

void stage_start(struct request *request)
{
	queue_stage(request, stage_middle);
}
