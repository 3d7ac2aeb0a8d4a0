/* SPDX-License-Identifier: MIT */
/* An arena that moves a pointer on through a block, and gives untyped memory: no malloc(). */
#include "corpus.h"

struct arena {
	char *next;
	size_t left;
	void *blocks;
};

static void *take(struct arena *arena, size_t bytes)
{
	void *taken;

	if (bytes > arena->left) {
		taken = malloc(4096);
		if (!taken)
			return NULL;
		*(void **)taken = arena->blocks;
		arena->blocks = taken;
		arena->next = (char *)taken + sizeof(void *);
		arena->left = 4096 - sizeof(void *);
	}
	arena->left -= bytes;
	taken = arena->next;
	arena->next += bytes;
	return taken;
}

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	struct arena *arena = request->data;

	request->header = take(arena, sizeof(*request->header));
	request->buffer = take(arena, sizeof(*request->buffer));
	queue_stage(request, stage_done);
}
