/* SPDX-License-Identifier: MIT */
/* C23 as far as gcc 12 has it: [[attributes]], binary constants, digit separators, labels at ends. */
#include "corpus.h"

[[nodiscard]] static struct buffer *buffer_new(void)
{
	return malloc(1'024);
}

[[maybe_unused]] static void stage_never(struct request *request)
{
	request->state = 0b101;
}

static void stage_done(struct request *)
{
}

void stage_start(struct request *request)
{
	request->buffer = buffer_new();
	if (!request->buffer)
		goto out;
	free(request->buffer);
	switch (request->fd) {
	case 0:
		request->state = 1;
		[[fallthrough]];
	default:
		queue_stage(request, stage_done);
	}
out:
}
