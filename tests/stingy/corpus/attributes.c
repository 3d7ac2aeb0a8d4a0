/* SPDX-License-Identifier: MIT */
/* Attributes in all the places where old and new code has them. */
#include "corpus.h"

static void __attribute__((noinline, cold)) stage_fail(struct request *request
						       __attribute__((unused)))
{
}

static __attribute__((always_inline)) inline void go(struct request *request, stage_fn *then)
{
	queue_stage(request, then);
}

__attribute__((hot, nonnull(1))) void stage_start(struct request *request)
{
	struct header *header __attribute__((aligned(64))) = malloc(sizeof(struct header));

	if (__builtin_expect(header == NULL, 0)) {
		go(request, stage_fail);
		return;
	}
	free(header);
	go(request, stage_start);
}
