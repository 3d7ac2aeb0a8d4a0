/* SPDX-License-Identifier: MIT */
/* Your cache hierarchy: see cache.h for what each function must do, README.md for the rules. */
#include "cache.h"

static struct counts counts;

void sim_init(const struct config *config)
{
	(void)config;
	counts = (struct counts){ 0 };
}

void sim_access(enum kind kind, uint32_t address, uint32_t size)
{
	(void)kind;
	(void)address;
	(void)size;
}

void sim_dma(uint32_t address, uint32_t size)
{
	(void)address;
	(void)size;
}

const struct counts *sim_counts(void)
{
	return &counts;
}
