// SPDX-License-Identifier: MIT
/* pchase chase|walk LINE SIZE...: time per load over working sets of SIZE bytes.
 *
 * `chase` follows a random cycle through all lines of LINE bytes, so that each load waits for
 * the one before it; `walk` visits the same lines in order of address.  The pages are chosen
 * to be physically contiguous where memory allows it (else the message says so), because L2 is
 * indexed by physical address: only then does a working set fill it evenly.
 * One line of output a size: `KIND SIZE NANOSECONDS_PER_LOAD RUNS_OF_CONTIGUOUS_PAGES`.
 */
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define LOADS 262144 /* timed, at least, and four rounds through the working set */
#define UNROLL 16

struct page {
	uint64_t frame;
	char *address;
};

static int compare_frames(const void *a, const void *b)
{
	const struct page *x = a, *y = b;

	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int read_frames(struct page *pages, char *memory, size_t count)
{
	int map = open("/proc/self/pagemap", O_RDONLY);

	if (map < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		uint64_t entry;
		off_t offset = (off_t)((uintptr_t)(memory + i * PAGE) / PAGE * sizeof(entry));

		if (pread(map, &entry, sizeof(entry), offset) != sizeof(entry)) {
			close(map);
			return -1;
		}
		pages[i].frame = entry & ((UINT64_C(1) << 55) - 1);
		pages[i].address = memory + i * PAGE;
	}
	close(map);
	return 0;
}

static size_t count_runs(const struct page *pages, size_t count)
{
	size_t runs = 1;

	for (size_t i = 1; i < count; i++)
		runs += pages[i].frame != pages[i - 1].frame + 1;
	return runs;
}

/* The window of `wanted` pages, in order of their frames, that is least torn. */
static struct page *find_window(struct page *pages, size_t count, size_t wanted)
{
	size_t best = 0, fewest = SIZE_MAX;

	for (size_t first = 0; first + wanted <= count; first++) {
		size_t runs = count_runs(pages + first, wanted);

		if (runs < fewest) {
			fewest = runs;
			best = first;
		}
		if (fewest == 1)
			break;
	}
	return pages + best;
}

static char *find_line(const struct page *pages, size_t line, size_t index)
{
	return pages[index * line / PAGE].address + index * line % PAGE;
}

static void *link_lines(const struct page *pages, size_t line, size_t lines, int shuffled)
{
	uint32_t *order = malloc(lines * sizeof(*order));
	uint64_t state = lines;
	void *first;

	if (!order)
		return NULL;
	for (size_t i = 0; i < lines; i++)
		order[i] = i;
	for (size_t i = lines - 1; shuffled && i > 0; i--) {
		size_t j = next_random(&state) % (i + 1);
		uint32_t kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
	/* A cycle through all lines in that order. */
	for (size_t i = 0; i < lines; i++)
		*(void **)find_line(pages, line, order[i]) =
			find_line(pages, line, order[(i + 1) % lines]);
	first = find_line(pages, line, order[0]);
	free(order);
	return first;
}

static void *follow(void *place, size_t loads)
{
	for (size_t i = 0; i < loads; i += UNROLL) {
#define LOAD "mov (%0), %0\n\t"
#define LOAD4 LOAD LOAD LOAD LOAD
		__asm__ volatile(LOAD4 LOAD4 LOAD4 LOAD4 : "+r"(place) : : "memory");
	}
	return place;
}

static double measure(void *place, size_t lines)
{
	size_t loads = 4 * lines > LOADS ? 4 * lines : LOADS;
	struct timespec begin, end;

	loads = (loads + UNROLL - 1) / UNROLL * UNROLL;
	place = follow(place, (2 * lines + UNROLL - 1) / UNROLL * UNROLL);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	place = follow(place, loads);
	clock_gettime(CLOCK_MONOTONIC, &end);
	__asm__ volatile("" : : "r"(place));
	return ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / loads;
}

int main_pchase(int argc, char **argv)
{
	size_t line = argc > 3 ? strtoul(argv[2], NULL, 0) : 0, largest = 0, count;
	int shuffled = argc > 1 && !strcmp(argv[1], "chase");
	struct page *pages;
	char *memory;

	for (int i = 3; i < argc; i++) {
		size_t size = strtoul(argv[i], NULL, 0);

		if (size < 2 * line || size % line)
			line = 0;
		largest = size > largest ? size : largest;
	}
	if (line < sizeof(void *) || PAGE % line || (!shuffled && strcmp(argv[1], "walk"))) {
		fprintf(stderr, "usage: pchase chase|walk LINE SIZE...\n");
		return 2;
	}
	count = 2 * ((largest + PAGE - 1) / PAGE) + 64;
	memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	pages = calloc(count, sizeof(*pages));
	if (memory == MAP_FAILED || !pages || read_frames(pages, memory, count)) {
		perror("pchase");
		return 1;
	}
	qsort(pages, count, sizeof(*pages), compare_frames);
	for (int i = 3; i < argc; i++) {
		size_t size = strtoul(argv[i], NULL, 0), wanted = (size + PAGE - 1) / PAGE;
		struct page *window = find_window(pages, count, wanted);
		void *first = link_lines(window, line, size / line, shuffled);

		if (!first) {
			perror("pchase");
			return 1;
		}
		printf("%s %zu %.4f %zu\n", argv[1], size, measure(first, size / line),
		       count_runs(window, wanted));
		fflush(stdout);
	}
	return 0;
}
