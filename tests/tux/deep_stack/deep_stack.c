// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: stages of TUX that need much more stack than they do. A probe on TUX's tracepoint of
 * stages calls itself in the context of the event loop until all but `spare` bytes of its stack are
 * in use, stays there for a while, so that interrupts come, and returns. TUX itself is as it is.
 *
 * What it saw is in its parameters: /sys/module/deep_stack/parameters/.
 *
 * Load it while TUX is loaded, and unload it first.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

struct tux_req;

#define FRAME_BYTES	128
#define EVENT_LOOP	"tux/"	/* how the names of its threads begin */

static unsigned int spare = 1024;
module_param(spare, uint, 0444);
MODULE_PARM_DESC(spare, "bytes of the stack that are left for interrupts");
static unsigned int stay_us = 50;
module_param(stay_us, uint, 0444);
MODULE_PARM_DESC(stay_us, "microseconds at the deepest place");

static unsigned long deepest;
module_param(deepest, ulong, 0444);
MODULE_PARM_DESC(deepest, "most bytes of the stack that were in use");
static unsigned long lowest;
module_param(lowest, ulong, 0444);
MODULE_PARM_DESC(lowest, "physical address of the last of them");
static unsigned long times;
module_param(times, ulong, 0444);
MODULE_PARM_DESC(times, "stages that went so deep");

static struct tracepoint *tux_stage;

static void look_around(unsigned long here)
{
	unsigned long depth = (unsigned long)task_stack_page(current) + THREAD_SIZE - here;

	if (depth > deepest) {
		deepest = depth;
		lowest = virt_to_phys((void *)here);
	}
	times++;
	udelay(stay_us);
}

static noinline void descend(unsigned long limit)
{
	volatile char frame[FRAME_BYTES];

	memset((void *)frame, 0, sizeof(frame));
	if ((unsigned long)frame > limit + 2 * FRAME_BYTES)
		descend(limit);
	else
		look_around((unsigned long)frame);
	/* The frame is needed until now: no call becomes a jump. */
	frame[0] = 1;
}

static void enter_stage(void *unused, const struct tux_req *req, int stage)
{
	if (!strncmp(current->comm, EVENT_LOOP, strlen(EVENT_LOOP)))
		descend((unsigned long)end_of_stack(current) + spare);
}

/* Called once for each module that has tracepoints, and for those that come later. */
static int find_tux_stage(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *module = ((struct tp_module *)data)->mod;
	unsigned int i;

	if (state != MODULE_STATE_COMING || strcmp(module->name, "tux"))
		return NOTIFY_OK;
	for (i = 0; i < module->num_tracepoints; i++) {
		struct tracepoint *found = tracepoint_ptr_deref(&module->tracepoints_ptrs[i]);

		if (!strcmp(found->name, "tux_stage"))
			tux_stage = found;
	}
	return NOTIFY_OK;
}

static struct notifier_block modules = {
	.notifier_call = find_tux_stage,
};

static int __init deep_stack_init(void)
{
	int ret = register_tracepoint_module_notifier(&modules);

	if (ret)
		return ret;
	unregister_tracepoint_module_notifier(&modules);
	if (!tux_stage)
		return -ENOENT;
	return tracepoint_probe_register(tux_stage, (void *)enter_stage, NULL);
}

static void __exit deep_stack_exit(void)
{
	tracepoint_probe_unregister(tux_stage, (void *)enter_stage, NULL);
	tracepoint_synchronize_unregister();
}

module_init(deep_stack_init);
module_exit(deep_stack_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of TUX: stages that need all of the stack");
