/* SPDX-License-Identifier: MIT */
/* What is freed is found from a member's address. */
#include "corpus.h"

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

struct link {
	struct link *next;
};

struct job {
	int number;
	struct link link;
};

static void stage_done(struct request *request)
{
	struct link *link = request->data;
	struct job *job = container_of(link, struct job, link);

	request->data = NULL;
	free(job);
}

void stage_start(struct request *request)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		return;
	job->number = request->fd;
	request->data = &job->link;
	queue_stage(request, stage_done);
}
