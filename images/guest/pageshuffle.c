// SPDX-License-Identifier: MIT
/* pageshuffle MB SEED: takes MB of memory, frees half of its pages in an order given by SEED,
 * says so on stdout, keeps the rest and sleeps.  The pages that are allocated next are these,
 * so the seed moves the physical placement of what runs after it.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

int main_pageshuffle(int argc, char **argv)
{
	size_t pages = argc == 3 ? strtoul(argv[1], NULL, 0) * (1048576 / PAGE) : 0;
	uint64_t state = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;
	uint32_t *order;
	char *memory;

	if (!pages) {
		fprintf(stderr, "usage: pageshuffle MB SEED\n");
		return 2;
	}
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	order = malloc(pages * sizeof(*order));
	if (memory == MAP_FAILED || !order) {
		perror("pageshuffle");
		return 1;
	}
	for (size_t i = 0; i < pages; i++)
		order[i] = i;
	for (size_t i = pages - 1; i > 0; i--) {
		size_t j = next_random(&state) % (i + 1);
		uint32_t kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
	for (size_t i = 0; i < pages / 2; i++) {
		if (madvise(memory + (size_t)order[i] * PAGE, PAGE, MADV_DONTNEED)) {
			perror("pageshuffle: madvise");
			return 1;
		}
	}
	printf("%zu pages shuffled\n", pages / 2);
	fflush(stdout);
	for (;;)
		pause();
}
