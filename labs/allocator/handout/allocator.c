/* SPDX-License-Identifier: MIT */
/* Your allocator: see allocator.h for what each function must do. */
#include <stdlib.h>

#include "allocator.h"

static const struct plan *the_plan;

void allocator_init(const struct plan *plan, unsigned char *slab)
{
	(void)slab;
	the_plan = plan;
}

void *allocator_alloc(uint32_t kind)
{
	return malloc(the_plan->bytes[kind]);
}

void allocator_free(uint32_t kind, void *object)
{
	(void)kind;
	free(object);
}

uint32_t allocator_query(uint32_t stage)
{
	(void)stage;
	return 0;
}
