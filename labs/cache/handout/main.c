/* SPDX-License-Identifier: MIT */
/*
 * Replays a trace from stdin through your caches.  The first line is the configuration:
 *
 *	size ways line  size ways line  size ways line  policy	(L1I, L1D, L2)
 *
 * then one event a line: F, L, S or D (a device's write) with a hexadecimal address and a size in
 * bytes, or C, which prints all counts.  The last line of output is "steps" and how many basic
 * blocks of cache.c were run, if it was compiled to count them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache.h"

static uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

static int read_shape(struct shape *shape)
{
	return scanf("%" SCNu32 "%" SCNu32 "%" SCNu32, &shape->size, &shape->ways,
		     &shape->line) == 3;
}

static void print_counts(const struct counts *n)
{
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %" PRIu64 "\n", n->l1[FETCH], n->l1[LOAD], n->l1[STORE], n->l2[FETCH],
	       n->l2[LOAD], n->l2[STORE], n->writebacks, n->dma_lines);
}

int main(void)
{
	struct config config;
	unsigned int policy;
	uint32_t address, size;
	char event[2];

	if (!read_shape(&config.l1i) || !read_shape(&config.l1d) || !read_shape(&config.l2) ||
	    scanf("%u", &policy) != 1) {
		fputs("the first line is no configuration\n", stderr);
		return 2;
	}
	config.policy = policy ? PLRU : LRU;
	sim_init(&config);
	while (scanf("%1s", event) == 1) {
		if (*event == 'C') {
			print_counts(sim_counts());
			continue;
		}
		if (scanf("%" SCNx32 "%" SCNu32, &address, &size) != 2)
			return 2;
		if (*event == 'D')
			sim_dma(address, size);
		else
			sim_access(*event == 'F' ? FETCH : *event == 'L' ? LOAD : STORE, address,
				   size);
	}
	printf("steps %" PRIu64 "\n", steps);
	return 0;
}
