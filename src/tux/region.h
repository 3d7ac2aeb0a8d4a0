/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where cache misses come from: tells the testbed's cache model what each
 * object is
 *
 * Off unless the module parameter mark_regions is given: then each allocation
 * and release executes the marker instruction, which moves virtual time by a
 * few instructions.  Runs whose throughput is reported leave it off.
 *
 * A request or header that was freed is a region of its own, for the slab
 * allocator touches it too.  A socket or file stays what it is: the kernel
 * sets it up before TUX sees it, and its cache holds nothing else.  An abuf's
 * page goes back to the page allocator as soon as TCP lets go of it.
 */
#ifndef _TUX_REGION_H
#define _TUX_REGION_H

/* Known to testbed.guest.regions; regions.ko uses the numbers above and below */
enum tux_region {
	TUX_REGION_PAGES = 10,		/* of regions.ko: taken from the page allocator */
	TUX_REGION_TEXT = 32,
	TUX_REGION_GLOBALS,
	TUX_REGION_STACK,
	TUX_REGION_FREE,		/* was an object and was freed */
	TUX_REGION_OBJECT,		/* plus enum tux_object */
};

struct seq_file;

#ifdef __KERNEL__

#include <linux/jump_label.h>

DECLARE_STATIC_KEY_FALSE(tux_regions_marked);

void __tux_region(const void *start, size_t size, unsigned int region);
void tux_region_start(void);
void tux_region_stop(void);
void tux_region_show(struct seq_file *file, const char * const *names);

/* Book misses on [@start, @start + @size) to @region from now on */
static inline void tux_region(const void *start, size_t size, unsigned int region)
{
	if (static_branch_unlikely(&tux_regions_marked))
		__tux_region(start, size, region);
}

#else

static inline void tux_region(const void *start, size_t size, unsigned int region)
{
}

static inline void tux_region_start(void)
{
}

static inline void tux_region_stop(void)
{
}

static inline void tux_region_show(struct seq_file *file, const char * const *names)
{
}

#endif /* __KERNEL__ */

#endif /* _TUX_REGION_H */
