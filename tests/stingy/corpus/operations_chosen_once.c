/* SPDX-License-Identifier: MIT */
/* Constant tables of operations, one pointing to the next; the request keeps what it was given. */
#include "corpus.h"

struct operations {
	int (*open)(struct request *request);
	void (*release)(struct request *request);
	stage_fn *next;
};

struct backend {
	const char *name;
	const struct operations *operations;
};

static const struct operations *chosen(struct request *request)
{
	return request->data;
}

static int open_plain(struct request *request)
{
	request->header = malloc(sizeof(*request->header));
	return request->header ? 0 : -1;
}

static void release_plain(struct request *request)
{
	free(request->header);
	request->header = NULL;
}

static int open_packed(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	return request->buffer ? 0 : -1;
}

static void release_packed(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static void stage_plain(struct request *request)
{
	chosen(request)->release(request);
}

static void stage_packed(struct request *request)
{
	chosen(request)->release(request);
}

static const struct operations plain = { open_plain, release_plain, stage_plain };
static const struct operations packed = {
	.next = stage_packed, .open = open_packed, .release = release_packed,
};
static const struct backend backends[] = { { "plain", &plain }, { "packed", &packed } };

void stage_start(struct request *request)
{
	const struct backend *backend = request->length > 4096 ? &backends[1] : &backends[0];

	request->data = (void *)backend->operations;
	if (chosen(request)->open(request) < 0)
		return;
	queue_stage(request, chosen(request)->next);
}
