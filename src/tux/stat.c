// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/tux/stat: sums of the counters of all processors, one "name value" a line.
 *
 * Context: process.
 */
#include "tux.h"
#ifdef __KERNEL__
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#endif

DEFINE_PER_CPU(struct tux_counters, tux_counters);

static const char * const stage_names[] = {
	[TUX_STAGE_accept] = "accept",
	[TUX_STAGE_parse] = "parse",
	[TUX_STAGE_process] = "process",
	[TUX_STAGE_redirect] = "redirect",
	[TUX_STAGE_send_abuf] = "send_abuf",
	[TUX_STAGE_post_header] = "post_header",
	[TUX_STAGE_send_body] = "send_body",
	[TUX_STAGE_flush] = "flush",
	[TUX_STAGE_linger] = "linger",
	[TUX_STAGE_close] = "close",
};

static const char * const object_names[] = {
	[TUX_OBJECT_request] = "request",
	[TUX_OBJECT_socket] = "socket",
	[TUX_OBJECT_header] = "header",
	[TUX_OBJECT_abuf] = "abuf",
	[TUX_OBJECT_file] = "file",
	[TUX_OBJECT_page] = "page",
};

static const char * const event_names[] = {
	[TUX_EVENT_cachemiss] = "cachemiss",
	[TUX_EVENT_abort] = "abort",
	[TUX_EVENT_handed_over] = "handed_over",
	[TUX_EVENT_no_memory] = "no_memory",
	[TUX_EVENT_log_dropped] = "log_dropped",
};

/* The counters are nothing but unsigned longs: add them up as an array. */
static void sum_counters(struct tux_counters *sum)
{
	unsigned long *to = (unsigned long *)sum;
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const unsigned long *from = (unsigned long *)per_cpu_ptr(&tux_counters, cpu);

		for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += READ_ONCE(from[i]);
	}
}

/*
 * How long a free list is.  Its thread counts with plain stores, so that a free list is plainly
 * one to who rewrites it; a value that is a moment old does for a reader.
 */
static __no_kcsan unsigned int count_free(const struct tux_thread *thread)
{
	return thread->nr_free;
}

static void show_threads(struct seq_file *file)
{
	unsigned int i, live = 0, idle = 0, free = 0;

	for (i = 0; i < tux_server.nr_threads; i++) {
		live += READ_ONCE(tux_server.threads[i]->nr_live);
		idle += READ_ONCE(tux_server.threads[i]->nr_idle);
		free += count_free(tux_server.threads[i]);
	}
	seq_printf(file, "running %d\nthreads %u\n", tux_server.running, tux_server.nr_threads);
	seq_printf(file, "requests.live %u\nrequests.idle %u\nrequests.free %u\n", live, idle, free);
}

static void show_schedule(struct seq_file *file)
{
	unsigned int i, turns = 0, longest = 0, visits = 0, overdue = 0, short_of_memory = 0;

	for (i = 0; i < tux_server.nr_threads; i++) {
		const struct tux_schedule *schedule = &tux_server.threads[i]->schedule;

		turns += READ_ONCE(schedule->turns);
		longest = max(longest, READ_ONCE(schedule->longest_wait));
		visits += READ_ONCE(schedule->visits);
		overdue += READ_ONCE(schedule->overdue);
		short_of_memory += READ_ONCE(schedule->short_of_memory);
	}
	seq_printf(file, "schedule.turns %u\nschedule.longest_wait %u\n", turns, longest);
	seq_printf(file, "schedule.visits %u\nschedule.overdue %u\n", visits, overdue);
	seq_printf(file, "schedule.short_of_memory %u\n", short_of_memory);
}

static int show_stat(struct seq_file *file, void *unused)
{
	struct tux_counters sum;
	unsigned int i;

	tux_control_lock();
	show_threads(file);
	show_schedule(file);
	tux_control_unlock();
	sum_counters(&sum);
	for (i = 0; i < TUX_NR_STAGES; i++)
		seq_printf(file, "stage.%s %lu\n", stage_names[i], sum.stages[i]);
	for (i = 0; i < TUX_NR_EVENTS; i++)
		seq_printf(file, "event.%s %lu\n", event_names[i], sum.events[i]);
	for (i = 1; i < ARRAY_SIZE(sum.replies); i++)
		seq_printf(file, "replies.%uxx %lu\n", i, sum.replies[i]);
	for (i = 0; i < TUX_NR_OBJECTS; i++)
		seq_printf(file, "object.%s.live %lu\nobject.%s.bytes %lu\nobject.%s.allocated %lu\n",
			   object_names[i], sum.born[i] - sum.gone[i],
			   object_names[i], sum.bytes[i], object_names[i], sum.born[i]);
	tux_admission_show(file);
	tux_region_show(file, object_names);
	return 0;
}

int tux_stat_register(void)
{
	struct proc_dir_entry *directory = proc_mkdir("tux", init_net.proc_net);

	if (!directory || !proc_create_single("stat", 0444, directory, show_stat) ||
	    !tux_ledger_create(directory)) {
		remove_proc_subtree("tux", init_net.proc_net);
		return -ENOMEM;
	}
	return 0;
}

void tux_stat_unregister(void)
{
	remove_proc_subtree("tux", init_net.proc_net);
}
