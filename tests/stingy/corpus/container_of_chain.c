/* SPDX-License-Identifier: MIT */
/* From a member to what it is in, and from there to what that is in; with the kernel's macro. */
#include "corpus.h"

#define container_of(ptr, type, member) ({				\
	void *__mptr = (void *)(ptr);					\
	_Static_assert(__builtin_types_compatible_p(			\
		__typeof__(*(ptr)), __typeof__(((type *)0)->member)), "");	\
	((type *)(__mptr - __builtin_offsetof(type, member))); })

struct link {
	struct link *next, *prev;
};

struct task {
	int priority;
	struct link link;
};

struct job {
	long number;
	struct task task;
	struct header *header;
};

static struct task *to_task(struct link *link)
{
	return container_of(link, struct task, link);
}

static void stage_done(struct request *request)
{
	struct job *job = container_of(to_task(request->data), struct job, task);

	free(job->header);
	free(job);
	request->data = NULL;
}

void stage_start(struct request *request)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->header = malloc(sizeof(*job->header));
	if (!job->header) {
		free(job);
		return;
	}
	request->data = &job->task.link;
	queue_stage(request, stage_done);
}
