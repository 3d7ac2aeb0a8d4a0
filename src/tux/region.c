// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where cache misses come from: see region.h
 *
 * The cache model of the testbed listens to the marker instruction
 * `xchg %bx, %bx` with eax = 5, ecx = physical address, edx = lines << 8 |
 * region.  On any other machine it does nothing.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>
#include <asm/io.h>

#include "region.h"

#define MARK_REGION	5

DEFINE_STATIC_KEY_FALSE(tux_regions_marked);

static unsigned int mark_regions;

static int set_mark_regions(const char *value, const struct kernel_param *param)
{
	int err = param_set_uint(value, param);

	if (err || !mark_regions)
		return err;
	if (!is_power_of_2(mark_regions)) {
		mark_regions = 0;
		return -EINVAL;
	}
	static_branch_enable(&tux_regions_marked);
	return 0;
}

static const struct kernel_param_ops mark_regions_ops = {
	.set = set_mark_regions,
	.get = param_get_uint,
};
module_param_cb(mark_regions, &mark_regions_ops, &mark_regions, 0444);
MODULE_PARM_DESC(mark_regions,
		 "tell the testbed's cache model what each object is: bytes of its L2 line, 0: off");

static void execute_marker(phys_addr_t start, size_t size, unsigned int region)
{
	u32 line = mark_regions;
	u32 first = round_down(start, line);
	u32 lines = (round_up(start + size, line) - first) / line;

	asm volatile("xchg %%bx, %%bx" : :
		     "a" (MARK_REGION), "c" (first), "d" (lines << 8 | region) : "memory");
}

/* Memory of the kernel's linear mapping */
void __tux_region(const void *start, size_t size, unsigned int region)
{
	execute_marker(virt_to_phys((void *)start), size, region);
}

/* The module itself, page by page: vmalloc() put it together of single pages */
static void mark_mapped(const void *start, size_t size, unsigned int region)
{
	const void *end = start + size;

	while (start < end) {
		size_t part = min_t(size_t, end - start, PAGE_SIZE - offset_in_page(start));
		struct page *page = vmalloc_to_page(start);

		if (page)
			execute_marker(page_to_phys(page) + offset_in_page(start), part, region);
		start += part;
	}
}

/**
 * tux_region_start - mark what lasts as long as the server
 *
 * Called once by the thread that runs event_loop(), for the sake of its stack.
 */
void tux_region_start(void)
{
	const struct module_layout *layout = &THIS_MODULE->core_layout;

	if (!static_branch_unlikely(&tux_regions_marked))
		return;
	__tux_region(task_stack_page(current), THREAD_SIZE, TUX_REGION_STACK);
	mark_mapped(layout->base, layout->text_size, TUX_REGION_TEXT);
	mark_mapped(layout->base + layout->text_size, layout->size - layout->text_size,
		    TUX_REGION_GLOBALS);
}
