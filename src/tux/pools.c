// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Stingy's slabs are compared with: the same rewritten server, whose objects come from the
 * kernel's own caches, one for each type. It has the same queries, so the same scheduler, but
 * neither the place of the objects in the processor's cache nor that of stack and state is chosen.
 * Only built with what stingygen --backing kmem_cache generates, instead of slab.c.
 *
 * Context: process.
 */
#include "tux.h"
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include "stingy.h"

static int show_pools(struct seq_file *file, void *unused)
{
	seq_printf(file, "requests %u\n", STINGY_REQUESTS);
	stingy_show(file);
	return 0;
}

/**
 * tux_slab_open() - make the caches, and /proc/net/tux/slab
 *
 * Return: 0; -ENOMEM; or what stingy_init() returns.
 */
int tux_slab_open(void)
{
	int ret = stingy_init();

	if (ret)
		return ret;
	if (!proc_create_single("tux/slab", 0444, init_net.proc_net, show_pools)) {
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

/* A cache that holds nothing else is known to those who look for cache misses. */
void tux_slab_mark(void)
{
}

void *tux_slab_take_state(size_t size)
{
	return NULL;
}

bool tux_slab_give_state(const void *state)
{
	return false;
}

int tux_run_on_slab(int (*function)(void *), void *data)
{
	return function(data);
}
