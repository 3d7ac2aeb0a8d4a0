/* SPDX-License-Identifier: MIT */
/* A worker thread of the system calls back with a member of a job; the job names the request. */
#include "corpus.h"

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct job {
	struct request *request;
	struct work_struct work;
};

void schedule_work(struct work_struct *work);

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

static void stage_again(struct request *request)
{
	struct job *job = request->data;

	schedule_work(&job->work);
}

static void run_job(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);
	struct request *request = job->request;

	if (socket_read(request->fd, NULL, 0) < 0)
		queue_stage(request, stage_again);
	else
		queue_stage(request, stage_done);
}

void stage_start(struct request *request)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		return;
	job->request = request;
	job->work.func = run_job;
	request->data = job;
	schedule_work(&job->work);
}
