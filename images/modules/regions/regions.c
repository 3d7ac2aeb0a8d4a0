// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells the cache model what each page of memory serves for
 *
 * A write to /proc/regions walks all page frames and executes the marker
 * `region` for each: slab pages by their cache, page cache, page tables, user
 * memory, kernel image and so on.  From then on a probe on the page allocator
 * marks each page that is handed out.  A read lists number, pages at the walk
 * and name of every region.
 *
 * What a page serves for shows only after the allocator has returned it, so it
 * is marked at the next call of the allocator.  What the kernel maps by
 * vmalloc() is left alone: a module such as TUX marks its own memory.
 *
 * All this takes the guest time, some hundred instructions a page, so it
 * belongs in runs that ask where misses come from, and not in those whose
 * throughput is reported.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>
#include "../slab.h"

#define MARK_REGION	5
#define REGIONS		256
/* Numbers below this one are those of REGION_NAMES and of TUX */
#define FIRST_CACHE	64

enum region {
	REGION_NONE,
	REGION_KERNEL_TEXT,
	REGION_KERNEL_DATA,
	REGION_PAGE_CACHE,
	REGION_PAGE_TABLES,
	REGION_USER,
	REGION_PAGE_STRUCTS,
	REGION_STACKS,
	REGION_TCP_HASH,
	REGION_BOOT,
	REGION_PAGES,
	REGION_FREE_PAGES,
	REGION_MARKED_BY_OWNER = REGIONS - 1,
};

static const char *const region_names[] = {
	[REGION_NONE] = "unmarked",
	[REGION_KERNEL_TEXT] = "kernel-text",
	[REGION_KERNEL_DATA] = "kernel-data",
	[REGION_PAGE_CACHE] = "page-cache",
	[REGION_PAGE_TABLES] = "page-tables",
	[REGION_USER] = "user",
	[REGION_PAGE_STRUCTS] = "page-structs",
	[REGION_STACKS] = "stacks",
	[REGION_TCP_HASH] = "tcp-hash",
	[REGION_BOOT] = "boot",
	[REGION_PAGES] = "pages",
	[REGION_FREE_PAGES] = "free-pages",
};

static unsigned long text, etext, end;
module_param(text, ulong, 0444);
MODULE_PARM_DESC(text, "address of the kernel's symbol _text");
module_param(etext, ulong, 0444);
MODULE_PARM_DESC(etext, "address of the kernel's symbol _etext");
module_param(end, ulong, 0444);
MODULE_PARM_DESC(end, "address of the kernel's symbol _end");

static unsigned int line = 64;
module_param(line, uint, 0444);
MODULE_PARM_DESC(line, "bytes of a line of the model's L2");

static DEFINE_MUTEX(walk_mutex);
static unsigned long *mapped;		/* pages mapped by vmalloc() */
static unsigned long *stacks;		/* pages of threads' stacks */
static unsigned long pages[REGIONS], probed;
static DEFINE_RAW_SPINLOCK(fresh_lock);
static struct page *fresh;		/* handed out and not yet marked */
static unsigned int fresh_order;
static struct tracepoint *page_alloc;
static struct kmem_cache *caches[REGIONS];

static void execute_marker(unsigned long first_pfn, unsigned long count, u8 region)
{
	asm volatile("xchg %%bx, %%bx" : :
		     "a" (MARK_REGION), "c" (first_pfn << PAGE_SHIFT),
		     "d" (count * (PAGE_SIZE / line) << 8 | region) : "memory");
}

/* One number a cache, in the order in which they are met */
static u8 find_cache_region(struct kmem_cache *cache)
{
	unsigned int i;

	for (i = FIRST_CACHE; i < REGION_MARKED_BY_OWNER; i++) {
		if (!caches[i])
			caches[i] = cache;
		if (caches[i] == cache)
			return i;
	}
	return REGION_NONE;
}

static bool is_within(unsigned long address, const void *start, size_t size)
{
	return address + PAGE_SIZE > (unsigned long)start &&
	       address < (unsigned long)start + size;
}

static bool is_tcp_hash(unsigned long address)
{
	const struct inet_hashinfo *h = &tcp_hashinfo;

	return is_within(address, h->ehash, (h->ehash_mask + 1) * sizeof(*h->ehash)) ||
	       is_within(address, h->bhash, h->bhash_size * sizeof(*h->bhash)) ||
	       is_within(address, h->bhash2, h->bhash_size * sizeof(*h->bhash2));
}

static u8 classify_image(unsigned long address)
{
	if (address >= text && address < etext)
		return REGION_KERNEL_TEXT;
	if (address >= etext && address < end)
		return REGION_KERNEL_DATA;
	if (is_within(address, mem_map, max_mapnr * sizeof(*mem_map)))
		return REGION_PAGE_STRUCTS;
	if (is_tcp_hash(address))
		return REGION_TCP_HASH;
	return REGION_NONE;
}

/* What page flags tell */
static u8 classify_page(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (!folio_ref_count(folio))
		return REGION_FREE_PAGES;
	if (folio_test_slab(folio))
		return find_cache_region(folio_slab(folio)->slab_cache);
	if (PageTable(page))
		return REGION_PAGE_TABLES;
	if (folio_test_anon(folio))
		return REGION_USER;
	return folio_mapping(folio) ? REGION_PAGE_CACHE : REGION_PAGES;
}

static u8 classify(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	u8 image;

	if (test_bit(pfn, mapped))
		return REGION_MARKED_BY_OWNER;
	image = classify_image((unsigned long)pfn_to_kaddr(pfn));
	if (image)
		return image;
	if (PageReserved(page))
		return REGION_BOOT;
	return test_bit(pfn, stacks) ? REGION_STACKS : classify_page(page);
}

/* Probe of mm_page_alloc; runs in any context */
static void page_allocated(void *unused, struct page *page, unsigned int order, gfp_t gfp,
			   int migratetype)
{
	unsigned long flags;

	if (!page)
		return;
	raw_spin_lock_irqsave(&fresh_lock, flags);
	if (fresh)
		execute_marker(page_to_pfn(fresh), 1UL << fresh_order, classify_page(fresh));
	fresh = page;
	fresh_order = order;
	probed++;
	raw_spin_unlock_irqrestore(&fresh_lock, flags);
}

static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "mm_page_alloc"))
		page_alloc = tp;
}

static void find_mapped_pages(void)
{
	unsigned long address;
	struct page *page;

	bitmap_zero(mapped, max_mapnr);
	for (address = VMALLOC_START; address < VMALLOC_END; address += PAGE_SIZE) {
		page = vmalloc_to_page((void *)address);
		if (page && page_to_pfn(page) < max_mapnr)
			set_bit(page_to_pfn(page), mapped);
	}
}

/* TUX's threads mark theirs, which tells them from those of others */
static void find_stacks(void)
{
	struct task_struct *process, *thread;

	bitmap_zero(stacks, max_mapnr);
	rcu_read_lock();
	for_each_process_thread(process, thread) {
		/* Its address only: a thread may end, and its stack with it */
		const void *stack = READ_ONCE(thread->stack);
		bool own = !strncasecmp(thread->comm, "tux", 3);

		if (stack)
			bitmap_set(own ? mapped : stacks, PHYS_PFN(__pa(stack)),
				   THREAD_SIZE >> PAGE_SHIFT);
	}
	rcu_read_unlock();
}

static void walk(void)
{
	unsigned long pfn, first = 0;
	u8 run = REGION_MARKED_BY_OWNER;

	find_mapped_pages();
	find_stacks();
	memset(pages, 0, sizeof(pages));
	for (pfn = 0; pfn <= max_mapnr; pfn++) {
		u8 use = REGION_MARKED_BY_OWNER;

		if (pfn < max_mapnr) {
			use = classify(pfn);
			pages[use]++;
		}
		if (use == run)
			continue;
		/* A run of pages of one use is marked as soon as it ends */
		if (run != REGION_MARKED_BY_OWNER)
			execute_marker(first, pfn - first, run);
		run = use;
		first = pfn;
	}
}

static ssize_t regions_write(struct file *file, const char __user *buffer, size_t count,
			     loff_t *position)
{
	mutex_lock(&walk_mutex);
	walk();
	mutex_unlock(&walk_mutex);
	return count;
}

static int regions_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	mutex_lock(&walk_mutex);
	seq_printf(m, "probed %lu\n", probed);
	for (i = 0; i < ARRAY_SIZE(region_names); i++)
		seq_printf(m, "%u %lu %s\n", i, pages[i], region_names[i]);
	for (i = FIRST_CACHE; i < REGION_MARKED_BY_OWNER && caches[i]; i++)
		seq_printf(m, "%u %lu slab:%s\n", i, pages[i], caches[i]->name);
	mutex_unlock(&walk_mutex);
	return 0;
}

static int regions_open(struct inode *inode, struct file *file)
{
	return single_open(file, regions_show, NULL);
}

static const struct proc_ops regions_ops = {
	.proc_open	= regions_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_write	= regions_write,
	.proc_release	= single_release,
};

static void free_maps(void)
{
	bitmap_free(stacks);
	bitmap_free(mapped);
}

static int __init regions_init(void)
{
	int err;

	if (!text || etext <= text || end <= etext || !line || PAGE_SIZE % line) {
		pr_err("want text=, etext= and end= from /proc/kallsyms, and line=\n");
		return -EINVAL;
	}
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!page_alloc)
		return -ENOENT;
	mapped = bitmap_zalloc(max_mapnr, GFP_KERNEL);
	stacks = bitmap_zalloc(max_mapnr, GFP_KERNEL);
	err = -ENOMEM;
	if (!mapped || !stacks || !proc_create("regions", 0600, NULL, &regions_ops))
		goto no_memory;
	err = tracepoint_probe_register(page_alloc, page_allocated, NULL);
	if (err)
		goto no_probe;
	return 0;

no_probe:
	remove_proc_entry("regions", NULL);
no_memory:
	free_maps();
	return err;
}

static void __exit regions_exit(void)
{
	tracepoint_probe_unregister(page_alloc, page_allocated, NULL);
	tracepoint_synchronize_unregister();
	remove_proc_entry("regions", NULL);
	free_maps();
}

module_init(regions_init);
module_exit(regions_exit);
MODULE_DESCRIPTION("Tells the cache model what each page of memory serves for");
MODULE_LICENSE("GPL");
