// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where cache misses come from: see region.h
 *
 * The cache model of the testbed listens to the marker instruction
 * `xchg %bx, %bx` with eax = 5, ecx = physical address, edx = lines << 8 |
 * region.  On any other machine it does nothing.
 */
#include <linux/hrtimer.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include <asm/io.h>

#include "tux.h"

#define MARK_REGION	5
#define SAMPLE_NS	(500 * NSEC_PER_USEC)

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

/*
 * How much is alive: user space only gets to look when the event loop has
 * nothing to do, so an interrupt samples the counters.
 */
static struct hrtimer sampler;
static u64 nr_samples, live_sum[TUX_NR_OBJECTS], bytes_sum[TUX_NR_OBJECTS];
static unsigned long live_peak[TUX_NR_OBJECTS];

static enum hrtimer_restart take_sample(struct hrtimer *timer)
{
	const struct tux_counters *now = this_cpu_ptr(&tux_counters);
	unsigned int i;

	for (i = 0; i < TUX_NR_OBJECTS; i++) {
		unsigned long live = now->born[i] - now->gone[i];

		live_sum[i] += live;
		bytes_sum[i] += now->bytes[i];
		live_peak[i] = max(live_peak[i], live);
	}
	nr_samples++;
	hrtimer_forward_now(timer, ns_to_ktime(SAMPLE_NS));
	return HRTIMER_RESTART;
}

/**
 * tux_region_show - sums over the samples since the start, for means over any span
 * @file: of /proc/net/tux/stat
 * @names: of the objects
 */
void tux_region_show(struct seq_file *file, const char * const *names)
{
	unsigned int i;

	if (!static_branch_unlikely(&tux_regions_marked))
		return;
	seq_printf(file, "samples %llu\n", nr_samples);
	for (i = 0; i < TUX_NR_OBJECTS; i++)
		seq_printf(file, "sampled.%s.live %llu\nsampled.%s.bytes %llu\nsampled.%s.peak %lu\n",
			   names[i], live_sum[i], names[i], bytes_sum[i], names[i], live_peak[i]);
}

/**
 * tux_region_start - mark what lasts as long as the server, begin to sample
 *
 * Called by the thread that runs event_loop(), for the sake of its stack. Meant
 * for one thread on one processor, which is what the testbed has.
 */
void tux_region_start(void)
{
	const struct module_layout *layout = &THIS_MODULE->core_layout;

	if (!static_branch_unlikely(&tux_regions_marked))
		return;
	tux_slab_mark();
	__tux_region(task_stack_page(current), THREAD_SIZE, TUX_REGION_STACK);
	mark_mapped(layout->base, layout->text_size, TUX_REGION_TEXT);
	mark_mapped(layout->base + layout->text_size, layout->size - layout->text_size,
		    TUX_REGION_GLOBALS);
	hrtimer_init(&sampler, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	sampler.function = take_sample;
	hrtimer_start(&sampler, ns_to_ktime(SAMPLE_NS), HRTIMER_MODE_REL);
}

/**
 * tux_region_stop - end what tux_region_start() began
 */
void tux_region_stop(void)
{
	if (static_branch_unlikely(&tux_regions_marked))
		hrtimer_cancel(&sampler);
}
