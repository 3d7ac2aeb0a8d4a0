/* SPDX-License-Identifier: MIT */
/* As corpus.h, but each request has a stack of stages: what is pushed last runs first. */
#ifndef STACK_H
#define STACK_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_DEPTH 8

struct request;
typedef void stage_fn(struct request *request, int blocking);

struct header {
	char text[512];
};

struct buffer {
	char bytes[1024];
};

struct request {
	struct request *next;
	stage_fn *stages[STAGE_DEPTH];
	unsigned int depth;
	int fd;
	struct header *header;
	struct buffer *buffer;
};

struct request *run_queue;
struct request *helper_queue;
int socket_write(int fd, const void *from, size_t length);
int file_read(int fd, void *to, size_t room, int blocking);

void stage_flush(struct request *request, int blocking);

void push_stage(struct request *request, stage_fn *stage)
{
	request->stages[request->depth++] = stage;
}

void make_runnable(struct request *request)
{
	request->next = run_queue;
	run_queue = request;
}

void wait_socket(struct request *request)
{
	request->next = NULL;
}

void hand_to_helper(struct request *request)
{
	request->next = helper_queue;
	helper_queue = request;
}

void run_stage(struct request *request, int blocking)
{
	stage_fn *stage = stage_flush;

	if (request->depth)
		stage = request->stages[--request->depth];
	stage(request, blocking);
}

void event_loop(void)
{
	while (run_queue) {
		struct request *request = run_queue;

		run_queue = request->next;
		run_stage(request, 0);
	}
}

void helper_loop(void)
{
	while (helper_queue) {
		struct request *request = helper_queue;

		helper_queue = request->next;
		run_stage(request, 1);
	}
}

#endif
