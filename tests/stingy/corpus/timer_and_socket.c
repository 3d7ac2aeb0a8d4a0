/* SPDX-License-Identifier: MIT */
/* One wait for a socket, one for a timer, and a stage that waits for itself. */
#include "corpus.h"

static void stage_late(struct request *request)
{
	request->state = 408;
}

static void stage_read(struct request *request)
{
	char byte;

	if (socket_read(request->fd, &byte, 1) < 0) {
		wait_socket(request, stage_read);
		return;
	}
	wait_timer(request, stage_late);
}

void stage_start(struct request *request)
{
	wait_socket(request, stage_read);
}
