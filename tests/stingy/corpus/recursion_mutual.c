/* SPDX-License-Identifier: MIT */
/* Two functions call each other, and one of them queues the next stage. */
#include "corpus.h"

static void parse_list(struct request *request, const char *text);

static void stage_done(struct request *request)
{
	request->state = 0;
}

static void parse_item(struct request *request, const char *text)
{
	if (*text == '(') {
		parse_list(request, text + 1);
		request->length++;	/* not a tail call, which gcc would make a loop of */
	} else if (*text == '\0') {
		queue_stage(request, stage_done);
	}
}

static void parse_list(struct request *request, const char *text)
{
	parse_item(request, text + 1);
	request->state++;
}

void stage_start(struct request *request)
{
	parse_list(request, request->data);
}
