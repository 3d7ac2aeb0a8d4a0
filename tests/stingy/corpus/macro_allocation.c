/* SPDX-License-Identifier: MIT */
/* Allocation and release are hidden by macros; one of them is do-while(0) with an early exit. */
#include "corpus.h"

#define NEW(type) ((struct type *)malloc(sizeof(struct type)))
#define NEED(place, type)		\
	do {				\
		(place) = NEW(type);	\
		if (!(place))		\
			return;		\
	} while (0)
#define DROP(place) (free(place), (place) = NULL)

static void stage_done(struct request *request)
{
	DROP(request->header);
}

void stage_start(struct request *request)
{
	NEED(request->header, header);
	queue_stage(request, stage_done);
}
