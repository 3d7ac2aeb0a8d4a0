/* SPDX-License-Identifier: MIT */
/*
 * A cache hierarchy of one core: L1I, L1D and a unified L2.  You write cache.c; this file and
 * main.c stay as they are (the grader uses its own copies).
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdint.h>

enum kind {
	FETCH,			/* an instruction: goes through L1I */
	LOAD,			/* data: goes through L1D */
	STORE,			/* likewise, and makes the line dirty */
	KINDS
};

enum policy {
	LRU,			/* true least recently used */
	PLRU			/* tree pseudo-LRU */
};

/* size and line in bytes; all three are powers of two; size / line / ways sets */
struct shape {
	uint32_t size, ways, line;
};

struct config {
	struct shape l1i, l1d, l2;
	enum policy policy;	/* of L2; both L1 are always LRU */
};

struct counts {
	uint64_t l1[KINDS];	/* misses in L1, by kind, one for each line */
	uint64_t l2[KINDS];	/* misses in L2, likewise */
	uint64_t writebacks;	/* dirty lines that went to memory */
	uint64_t dma_lines;	/* lines of L2's size that devices wrote */
};

/* Make all caches empty and all counts zero. */
void sim_init(const struct config *config);

/* One access of the core; it may touch more than one line. */
void sim_access(enum kind kind, uint32_t address, uint32_t size);

/* A device wrote memory: no cache keeps a line of it, dirty or not. */
void sim_dma(uint32_t address, uint32_t size);

const struct counts *sim_counts(void);

#endif
