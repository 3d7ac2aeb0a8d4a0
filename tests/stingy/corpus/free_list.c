/* SPDX-License-Identifier: MIT */
/* Dead headers wait on a free list; the allocator's size is implicit. */
#include "corpus.h"

union header_slot {
	struct header header;
	union header_slot *next;
};

static union header_slot *free_headers;

static struct header *header_get(void)
{
	union header_slot *slot = free_headers;

	if (slot)
		free_headers = slot->next;
	else
		slot = malloc(sizeof(*slot));
	return slot ? &slot->header : NULL;
}

static void header_put(struct header *header)
{
	union header_slot *slot = (union header_slot *)header;

	slot->next = free_headers;
	free_headers = slot;
}

static void stage_done(struct request *request)
{
	header_put(request->header);
	request->header = NULL;
}

void stage_start(struct request *request)
{
	request->header = header_get();
	if (request->header)
		queue_stage(request, stage_done);
}
