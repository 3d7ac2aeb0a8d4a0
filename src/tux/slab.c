// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of Stingy: the memory that stingygen's map is laid over, and at the bottom of
 * its cache slab the stack of the event loop, and the state of its thread. Only built with what
 * stingygen generates.
 *
 * The memory is set aside at boot (reserve_mem=SIZE:ALIGN:stingy): contiguous and aligned to a way
 * of the L2, so that each line of the cache slab has the place in the cache that the map says.
 *
 * The stack grows down through its part of the cache slab and then through the low slab. The
 * task's own stack is kept aside meanwhile: the kernel finds the one in use through task->stack.
 * Interrupts have stacks of their own (i386); elsewhere the event loop stays on the task's.
 *
 * Of the server's globals, those that each request touches are in struct tux_thread, which is
 * placed. A variable's own place is the linker's affair: what is left in the module's image are
 * knobs, which are read, and counters, which are the processor's.
 *
 * Context: process.
 */
#include "tux.h"
#include <linux/cpumask.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <asm/io.h>
#include "stingy.h"

#define REGION_NAME	"stingy"
#define PAINT		0xa5	/* stack that nothing was written to */

static unsigned char *region;
static atomic_t stack_users = ATOMIC_INIT(0);
static atomic_t state_users = ATOMIC_INIT(0);

/* Bytes of the stack that were in use at its deepest. */
static size_t stack_depth(void)
{
	const unsigned char *top = stingy_stack_top();
	const unsigned char *at = top - THREAD_SIZE + sizeof(long);

	while (at < top && *at == PAINT)
		at++;
	return top - at;
}

static int show_slab(struct seq_file *file, void *unused)
{
	seq_printf(file, "region.start %#llx\nregion.bytes %lu\n",
		   (unsigned long long)virt_to_phys(region), STINGY_REGION_BYTES);
	seq_printf(file, "slab.low %lu\nslab.cache %lu\nslab.high %lu\n",
		   STINGY_LOW_BYTES, STINGY_CACHE_BYTES, STINGY_HIGH_BYTES);
	seq_printf(file, "requests %u\n", STINGY_REQUESTS);
	seq_printf(file, "state.bytes %lu\nstate.used %d\n", STINGY_GLOBALS_BYTES,
		   atomic_read(&state_users));
	seq_printf(file, "stack.bytes %lu\nstack.deepest %zu\n", STINGY_STACK_BYTES,
		   IS_ENABLED(CONFIG_X86_32) ? stack_depth() : 0);
	stingy_show(file);
	return 0;
}

/**
 * tux_slab_open() - lay the map over the reserved memory; make /proc/net/tux/slab
 *
 * Return: 0; -EINVAL on a machine of several processors, since a map is that of one cache;
 * -ENOMEM if no memory, or too little, was set aside; or what stingy_init() returns.
 */
int tux_slab_open(void)
{
	phys_addr_t start, size;
	int ret;

	if (num_online_cpus() > 1) {
		pr_err("tux: Stingy lays out the cache of one processor\n");
		return -EINVAL;
	}
	if (!reserve_mem_find_by_name(REGION_NAME, &start, &size) || size < STINGY_REGION_BYTES) {
		pr_err("tux: boot with reserve_mem=%luK:%luK:" REGION_NAME "\n",
		       DIV_ROUND_UP(STINGY_REGION_BYTES, 1024), STINGY_ALIGNMENT / 1024);
		return -ENOMEM;
	}
	region = phys_to_virt(start);
	ret = stingy_init(region, size);
	if (ret)
		return ret;
	memset(region, PAINT, STINGY_LOW_BYTES + STINGY_STACK_BYTES);
	if (!proc_create_single("tux/slab", 0444, init_net.proc_net, show_slab)) {
		stingy_exit();
		return -ENOMEM;
	}
	return 0;
}

/* After the server has stopped, and /proc/net/tux is gone. */
void tux_slab_close(void)
{
	unsigned long live = stingy_exit();

	WARN(live, "tux: %lu objects were not given back\n", live);
}

/* For those who look for cache misses: what is no live object is memory of dead ones. */
void tux_slab_mark(void)
{
	tux_region(region, STINGY_REGION_BYTES, TUX_REGION_FREE);
	tux_region(stingy_globals(), STINGY_GLOBALS_BYTES, TUX_REGION_GLOBALS);
}

/**
 * tux_slab_take_state() - memory in the cache slab for the state of a thread
 * @size: in bytes
 *
 * Return: zeroed memory; NULL if it is too small, or another thread has it.
 */
void *tux_slab_take_state(size_t size)
{
	if (size > STINGY_GLOBALS_BYTES || atomic_cmpxchg(&state_users, 0, 1))
		return NULL;
	return memset(stingy_globals(), 0, size);
}

/**
 * tux_slab_give_state() - give it back
 * @state: what tux_slab_take_state() returned, or other memory
 *
 * Return: whether it was that.
 */
bool tux_slab_give_state(const void *state)
{
	if (state != stingy_globals())
		return false;
	atomic_set(&state_users, 0);
	return true;
}

#ifdef CONFIG_X86_32
/* The first argument of a function is in eax. */
static noinline int call_on_stack(void *sp, int (*function)(void *), void *data)
{
	int ret = (int)data;

	asm volatile("xchgl %%ebx, %%esp\n\t"
		     "call *%%edi\n\t"
		     "movl %%ebx, %%esp"
		     : "+a" (ret), "+b" (sp)
		     : "D" (function)
		     : "ecx", "edx", "cc", "memory");
	return ret;
}

/* The registers saved at a task's birth lie at the top of its stack: whoever asks finds them. */
static int run_on_stack(int (*function)(void *), void *data)
{
	void *own = current->stack;
	void *registers = task_pt_regs(current);
	int ret;

	current->stack = stingy_stack_top() - THREAD_SIZE;
	memcpy(task_pt_regs(current), registers, sizeof(struct pt_regs));
	*end_of_stack(current) = STACK_END_MAGIC;
	ret = call_on_stack(task_pt_regs(current), function, data);
	WARN_ON(*end_of_stack(current) != STACK_END_MAGIC);
	current->stack = own;
	return ret;
}
#else
static int run_on_stack(int (*function)(void *), void *data)
{
	return function(data);
}
#endif

/**
 * tux_run_on_slab() - call a function on the stack in the cache slab
 * @function: what to call
 * @data: its argument
 *
 * One thread at a time can be there; the others stay on their own stacks.
 *
 * Return: what @function returns.
 */
int tux_run_on_slab(int (*function)(void *), void *data)
{
	int ret;

	BUILD_BUG_ON(STINGY_LOW_BYTES + STINGY_STACK_BYTES < THREAD_SIZE);
	if (atomic_cmpxchg(&stack_users, 0, 1))
		return function(data);
	ret = run_on_stack(function, data);
	atomic_set(&stack_users, 0);
	return ret;
}
