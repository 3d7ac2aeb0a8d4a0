// SPDX-License-Identifier: MIT
/* pchase LINE INSTRUCTIONS SIZE...: time per load over working sets of SIZE bytes.
 *
 * It follows a random cycle through all lines of LINE bytes, so that each load waits for the
 * one before it.  The pages are chosen to be physically contiguous where memory allows it (the
 * output says so), because L2 is indexed by physical address: only then does a working set fill
 * it evenly.
 *
 * Sixteen links of the chain are INSTRUCTIONS instructions, that of the loop included.  A model
 * that charges each instruction the same, and a load nothing for its hit in L1, shows with them
 * the latency of such a hit, which in a chain of loads nothing can hide.  A real processor has
 * that latency by itself: there, give the fewest.
 *
 * One line of output a size: `SIZE NANOSECONDS_PER_LOAD RUNS_OF_CONTIGUOUS_PAGES`.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define LOADS 589824 /* timed in all, at least, and four times through the working set */
#define BLOCK_NS 100000 /* timed at once: short beside a tick, which most blocks then do not see */
#define PAIRS 101 /* of readings of the clock, for what a reading costs */
#define LINKS 16 /* of the chain in one round of the loop */
#define LOOP_INSTRUCTIONS 2
#define MOST_INSTRUCTIONS 1024 /* their code fits a page */

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

static void *link_lines(const struct page *pages, size_t line, size_t lines)
{
	uint32_t *order = malloc(lines * sizeof(*order));
	uint64_t state = lines;
	void *first;

	if (!order)
		return NULL;
	for (size_t i = 0; i < lines; i++)
		order[i] = i;
	for (size_t i = lines - 1; i > 0; i--) {
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

typedef void chain_function(void);

/* The loop over a block of links, as machine code, since its length is known only now: place in
 * eax, blocks left in ecx.  The instructions that fill a link depend on its load, and each block
 * spends two of them on the loop, so that a block has `instructions` of them and not one more. */
static chain_function *write_chain(unsigned int instructions)
{
	static const uint8_t load[] = { 0x8b, 0x00 }; /* mov (%eax), %eax */
	static const uint8_t fill[] = { 0x8d, 0x00 }; /* lea (%eax), %eax */
	static const uint8_t loop[] = { 0x49, 0x0f, 0x85 }; /* dec %ecx; jnz */
	unsigned int filling = instructions - LINKS - LOOP_INSTRUCTIONS, filled = 0;
	uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *end = code;
	int32_t back;

	if (code == MAP_FAILED)
		return NULL;
	for (unsigned int link = 1; link <= LINKS; link++) {
		end = mempcpy(end, load, sizeof(load));
		for (; filled < filling * link / LINKS; filled++)
			end = mempcpy(end, fill, sizeof(fill));
	}
	end = mempcpy(end, loop, sizeof(loop));
	back = code - (end + sizeof(back));
	end = mempcpy(end, &back, sizeof(back));
	*end = 0xc3; /* ret */
	return (chain_function *)code;
}

static void *follow(chain_function *chain, void *place, size_t links)
{
	size_t blocks = (links + LINKS - 1) / LINKS;

	__asm__ volatile("call *%2" : "+a"(place), "+c"(blocks) : "r"(chain) : "memory", "cc");
	return place;
}

static int compare_times(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double find_median(double *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare_times);
	return samples[count / 2];
}

static double read_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double measure_clock_ns(void)
{
	double pairs[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		double begin = read_clock_ns();

		pairs[i] = read_clock_ns() - begin;
	}
	return find_median(pairs, PAIRS);
}

/* Nanoseconds a load, or a negative number without memory.  The working set is walked in short
 * blocks, of which the median counts: an interrupt lengthens few of them. */
static double measure(chain_function *chain, void *place, size_t lines)
{
	size_t loads = (4 * lines > LOADS ? 4 * lines : LOADS), block, blocks;
	double clock_ns = measure_clock_ns(), begin, *samples, median;

	place = follow(chain, place, 2 * lines);
	begin = read_clock_ns();
	place = follow(chain, place, loads / 4);
	block = BLOCK_NS / ((read_clock_ns() - begin) / (loads / 4));
	block = (block / LINKS + 1) * LINKS;
	blocks = loads / block + 1;
	samples = calloc(blocks, sizeof(*samples));
	if (!samples)
		return -1;
	for (size_t i = 0; i < blocks; i++) {
		begin = read_clock_ns();
		place = follow(chain, place, block);
		samples[i] = (read_clock_ns() - begin - clock_ns) / block;
	}
	median = find_median(samples, blocks);
	free(samples);
	return median;
}

static int read_size(const char *text, size_t line, size_t *size)
{
	char *end;

	*size = strtoul(text, &end, 0);
	return *end == '\0' && *size >= 2 * line && *size % line == 0;
}

static int print_usage(void)
{
	fprintf(stderr, "usage: pchase LINE INSTRUCTIONS SIZE...\n"
			"INSTRUCTIONS of %u links, from %u to %u; SIZE a multiple of LINE\n",
		LINKS, LINKS + LOOP_INSTRUCTIONS, MOST_INSTRUCTIONS);
	return 2;
}

int main_pchase(int argc, char **argv)
{
	size_t line = argc > 3 ? strtoul(argv[1], NULL, 0) : 0, largest = 0, size, count;
	unsigned int instructions = argc > 3 ? strtoul(argv[2], NULL, 0) : 0;
	chain_function *chain;
	struct page *pages;
	char *memory;

	if (line < sizeof(void *) || PAGE % line || instructions < LINKS + LOOP_INSTRUCTIONS ||
	    instructions > MOST_INSTRUCTIONS)
		return print_usage();
	for (int i = 3; i < argc; i++) {
		if (!read_size(argv[i], line, &size))
			return print_usage();
		largest = size > largest ? size : largest;
	}
	count = 2 * ((largest + PAGE - 1) / PAGE) + 64;
	memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	pages = calloc(count, sizeof(*pages));
	chain = write_chain(instructions);
	if (memory == MAP_FAILED || !pages || !chain || read_frames(pages, memory, count)) {
		perror("pchase");
		return 1;
	}
	qsort(pages, count, sizeof(*pages), compare_frames);
	for (int i = 3; i < argc; i++) {
		struct page *window;
		size_t wanted;
		double load_ns;
		void *first;

		read_size(argv[i], line, &size);
		wanted = (size + PAGE - 1) / PAGE;
		window = find_window(pages, count, wanted);
		first = link_lines(window, line, size / line);
		load_ns = first ? measure(chain, first, size / line) : -1;
		if (load_ns < 0) {
			perror("pchase");
			return 1;
		}
		printf("%zu %.4f %zu\n", size, load_ns, count_runs(window, wanted));
		fflush(stdout);
	}
	return 0;
}
