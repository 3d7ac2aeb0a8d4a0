/* SPDX-License-Identifier: MIT */
/* A union holds either a header or a file, according to a tag. */
#include "corpus.h"

enum kind { KIND_HEADER, KIND_FILE };

struct either {
	enum kind kind;
	union {
		struct header *header;
		struct file *file;
	};
};

static struct either either;

static void stage_done(struct request *request)
{
	if (either.kind == KIND_HEADER)
		free(either.header);
	else
		free(either.file);
	request->state = 0;
}

void stage_start(struct request *request)
{
	if (request->fd < 0) {
		either.kind = KIND_HEADER;
		either.header = malloc(sizeof(*either.header));
	} else {
		either.kind = KIND_FILE;
		either.file = malloc(sizeof(*either.file));
	}
	queue_stage(request, stage_done);
}
