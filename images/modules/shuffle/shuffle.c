// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves the physical placement of what runs after it, by a seed
 *
 * Loaded with mib=M and seed=S it takes M MiB of pages, frees half of them in
 * an order that S gives, and keeps the rest for good. The pages that are
 * allocated next, for programs and for files, are these. A program could do
 * the same, but the kernel would clear every page for it, and each page that
 * it gives back is a system call: in an emulator half a second at each boot.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>

static uint mib = 128;
module_param(mib, uint, 0444);
MODULE_PARM_DESC(mib, "memory to take");

static ulong seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the order in which half of it is freed");

/* SplitMix64 */
static u64 next_random(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void permute(struct page **pages, u32 count)
{
	u64 state = seed;
	u32 i, j;

	for (i = count - 1; i > 0; i--) {
		/* A product's upper half instead of a remainder: no division of 64 bits. */
		j = ((next_random(&state) >> 32) * (i + 1)) >> 32;
		swap(pages[i], pages[j]);
	}
}

static int __init shuffle_init(void)
{
	u32 count = mib << (20 - PAGE_SHIFT);
	struct page **pages = kvmalloc_array(count, sizeof(*pages), GFP_KERNEL);
	u32 i, taken;

	if (!pages)
		return -ENOMEM;
	/* As for a program's memory: what comes back serves programs and files again. */
	for (taken = 0; taken < count; taken++) {
		pages[taken] = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NORETRY);
		if (!pages[taken])
			break;
	}
	if (taken == count)
		permute(pages, count);
	for (i = 0; i < (taken == count ? count / 2 : taken); i++)
		__free_page(pages[i]);
	kvfree(pages);
	return taken == count ? 0 : -ENOMEM;
}

module_init(shuffle_init);
MODULE_DESCRIPTION("Moves the physical placement of what runs after it");
MODULE_LICENSE("GPL");
