/* SPDX-License-Identifier: MIT */
/* Assembly around the queueing, with operands and a clobber of memory. */
#include "corpus.h"

static inline unsigned int swap_bytes(unsigned int value)
{
	__asm__ volatile ("bswap %0" : "+r" (value) : : "memory");
	return value;
}

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	request->state = (int)swap_bytes((unsigned int)request->state);
	__asm__ volatile ("" ::: "memory");
	queue_stage(request, stage_done);
}
