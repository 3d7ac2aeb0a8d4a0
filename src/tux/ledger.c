// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/tux/ledger: where TUX keeps count of its connections, "PART SIGN ADDRESS" a line, in
 * the form of the testbed's module `ledger`: the sum of a part's words, each added or subtracted,
 * modulo 2^32. Addresses are physical: who reads the words there costs the server nothing.
 *
 *	held		wait as SYNs (admission.c)
 *	stage.parse	accepted; their head was not read yet, or they linger
 *	stage.process	their head was read, their file not found
 *	stage.header	the reply's header is written, or on its way
 *	stage.body	the header is sent: the body, and the end
 *	waiting		of all these: wait for their peer, or idle
 *
 * A request is told by what it holds: its head from parse to flush, its file from process to
 * flush, an abuf until the header is sent. So the stages add up to the requests that are alive.
 *
 * Context: process. The addresses are good until the server stops.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include "tux.h"
#include "syn_queue.h"

static void show_word(struct seq_file *file, const char *part, char sign, const void *word)
{
	phys_addr_t address = is_vmalloc_addr(word) ?
		page_to_phys(vmalloc_to_page(word)) + offset_in_page(word) :
		virt_to_phys((void *)word);

	seq_printf(file, "%s %c %pa\n", part, sign, &address);
}

/* Add the living objects of a kind to one part, and take them from the one before. */
static void show_object(struct seq_file *file, enum tux_object object, const char *part,
			const char *before)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct tux_counters *counters = per_cpu_ptr(&tux_counters, cpu);
		const unsigned long *born = &counters->born[object];
		const unsigned long *gone = &counters->gone[object];

		show_word(file, part, '+', born);
		show_word(file, part, '-', gone);
		if (before) {
			show_word(file, before, '-', born);
			show_word(file, before, '+', gone);
		}
	}
}

static void show_waiting(struct seq_file *file)
{
	unsigned int i;

	tux_control_lock();
	for (i = 0; i < tux_server.nr_threads; i++) {
		show_word(file, "waiting", '+', &tux_server.threads[i]->nr_waiting);
		show_word(file, "waiting", '+', &tux_server.threads[i]->nr_idle);
	}
	tux_control_unlock();
}

static int show_ledger(struct seq_file *file, void *unused)
{
	const struct tux_syn_queue *held = tux_admission_queue();

	if (held) {
		show_word(file, "held", '+', &held->tail);
		show_word(file, "held", '-', &held->head);
	}
	show_object(file, TUX_OBJECT_request, "stage.parse", NULL);
	show_object(file, TUX_OBJECT_header, "stage.process", "stage.parse");
	show_object(file, TUX_OBJECT_file, "stage.body", "stage.process");
	show_object(file, TUX_OBJECT_abuf, "stage.header", "stage.body");
	show_waiting(file);
	return 0;
}

bool tux_ledger_create(struct proc_dir_entry *directory)
{
	return proc_create_single("ledger", 0444, directory, show_ledger);
}
