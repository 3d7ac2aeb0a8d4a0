/* SPDX-License-Identifier: MIT */
/* A function returns what it allocates, and allocates something else besides. */
#include "corpus.h"

static char *encode(const char *name, int length)
{
	struct header *scratch = malloc(sizeof(*scratch));
	char *text = malloc(100);

	if (scratch && text)
		text[0] = name[length];
	free(scratch);
	return text;
}

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	request->data = encode("name", 2);
	if (request->data)
		queue_stage(request, stage_done);
}
