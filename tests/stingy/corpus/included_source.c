/* SPDX-License-Identifier: MIT */
/* The stage lies in another source that is included. */
#include "corpus.h"
#include "included_source.inc"

void stage_start(struct request *request)
{
	begin(request);
}
