/* SPDX-License-Identifier: MIT
 *
 * Guest programs: one static binary, many names (as busybox does it), so that the root stays
 * small.  Each program is a function; guest.c calls the one that the binary was started as.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

enum marker {
	MARK_START = 1,
	MARK_STOP = 2,
	MARK_NOTE = 3,
	MARK_SYNC = 4,
	MARK_REGION = 5,
	MARK_LABEL = 6,
	MARK_PART = 7,
};

/* The instruction (66 87 db) that the machine's models listen to; a no-op elsewhere. */
static inline void execute_marker(uint32_t command, uint32_t ecx, uint32_t edx)
{
	__asm__ volatile("xchg %%bx, %%bx" : : "a"(command), "c"(ecx), "d"(edx) : "memory");
}

/* SplitMix64: all that is needed of randomness here is that it follows from the seed. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int main_emit(int argc, char **argv);
int main_gro(int argc, char **argv);
int main_mark(int argc, char **argv);
int main_pchase(int argc, char **argv);
int main_powerdown(int argc, char **argv);
int main_seedrng(int argc, char **argv);

#endif
