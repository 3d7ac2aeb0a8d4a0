/* SPDX-License-Identifier: MIT */
#include "switchboard.h"
#include "paint.h"

void __wrap_dispatch(struct line *line);
void __wrap_dispatch_timeout(struct line *line);

void __wrap_dispatch(struct line *line)
{
	handler_fn *handler = line->handler;

	line->handler = NULL;
	paint_call((void (*)(void *))handler, line);
}

void __wrap_dispatch_timeout(struct line *line)
{
	cancel_timer(line);
	line->handler = NULL;
	paint_call((void (*)(void *))line->on_timeout, line);
}
