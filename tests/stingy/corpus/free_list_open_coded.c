/* SPDX-License-Identifier: MIT */
/* The release is open-coded: a store into the head of the free list is the construct. */
#include "corpus.h"

struct slot {
	struct slot *next;
	char text[120];
};

static struct slot *free_slots;

static struct slot *slot_get(void)
{
	struct slot *slot = free_slots;

	if (!slot)
		return malloc(sizeof(*slot));
	free_slots = slot->next;
	return slot;
}

static void stage_done(struct request *request)
{
	struct slot *slot = request->data;

	request->data = NULL;
	slot->next = free_slots;
	free_slots = slot;
}

void stage_start(struct request *request)
{
	request->data = slot_get();
	if (request->data)
		queue_stage(request, stage_done);
}
