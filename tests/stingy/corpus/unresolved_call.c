/* SPDX-License-Identifier: MIT */
/* An operation that was loaded at run time is called: what it does is unknown, and is listed. */
#include "corpus.h"

struct plugin {
	int (*filter)(struct request *request);
};

struct plugin *plugin_load(void);

static void stage_done(struct request *request)
{
	request->state = 0;
}

void stage_start(struct request *request)
{
	struct plugin *plugin = plugin_load();

	if (plugin->filter(request) == 0)
		queue_stage(request, stage_done);
}
