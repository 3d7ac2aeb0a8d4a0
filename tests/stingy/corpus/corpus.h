/* SPDX-License-Identifier: MIT */
/* What most snippets share: a request, objects of known size, a direct queue of stages. */
#ifndef CORPUS_H
#define CORPUS_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct request;
typedef void stage_fn(struct request *request);

struct header {
	char text[512];
};

struct buffer {
	char bytes[1024];
};

struct file {
	int fd;
	long offset;
	long size;
};

struct request {
	struct request *next;
	stage_fn *stage;
	int fd;
	int state;
	size_t length;
	struct header *header;
	struct buffer *buffer;
	struct file *file;
	void *data;
};

struct request *run_queue;
int socket_read(int fd, void *to, size_t room);
int socket_write(int fd, const void *from, size_t length);

/* Runnable: the stage runs when its turn comes. */
void queue_stage(struct request *request, stage_fn *stage)
{
	request->stage = stage;
	request->next = run_queue;
	run_queue = request;
}

/* The stage runs when the socket is ready. */
void wait_socket(struct request *request, stage_fn *stage)
{
	request->stage = stage;
}

/* The stage runs in a helper thread. */
void hand_to_helper(struct request *request, stage_fn *stage)
{
	request->stage = stage;
}

/* The stage runs when some time is over. */
void wait_timer(struct request *request, stage_fn *stage)
{
	request->stage = stage;
}

void run_stage(struct request *request)
{
	request->stage(request);
}

void event_loop(void)
{
	while (run_queue) {
		struct request *request = run_queue;

		run_queue = request->next;
		run_stage(request);
	}
}

#endif
