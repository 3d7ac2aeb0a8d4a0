// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module, and start and stop of the server.
 *
 * Context: process; one at a time (tux_control).
 */
#ifdef __KERNEL__
#include <linux/module.h>
#include <linux/mutex.h>
#define CREATE_TRACE_POINTS
#endif
#include "tux.h"

struct tux_server tux_server;
static DEFINE_MUTEX(tux_control);

static int open_root(void)
{
	return kern_path(tux_knobs.documentroot, LOOKUP_FOLLOW | LOOKUP_DIRECTORY,
			 &tux_server.root);
}

/* A listening socket that a restart has left is used again: no connection is refused meanwhile. */
static int open_listener(void)
{
	struct socket *listener;

	if (tux_server.listener)
		return 0;
	listener = tux_listen();
	if (IS_ERR(listener))
		return PTR_ERR(listener);
	tux_server.listener = listener;
	return 0;
}

static void close_listener(void)
{
	if (tux_server.listener)
		tux_unlisten(tux_server.listener);
	tux_server.listener = NULL;
}

static int start(void)
{
	int ret = tux_slab_check_header(tux_knobs.max_header_len);

	if (ret)
		return ret;
	ret = open_root();
	if (ret)
		return ret;
	tux_mime_start(tux_knobs.types, tux_knobs.charset);
	ret = tux_log_start();
	if (ret)
		goto no_log;
	ret = open_listener();
	if (ret)
		goto no_listener;
	ret = tux_threads_start(tux_knobs.threads, tux_knobs.io_threads);
	if (ret)
		goto no_threads;
	tux_server.running = true;
	return 0;

no_threads:
	tux_threads_stop();
	close_listener();
no_listener:
	tux_log_stop();
no_log:
	path_put(&tux_server.root);
	return ret;
}

static void stop(bool restart)
{
	if (!restart) {	/* clients learn at once that nobody serves them */
		tux_admission_stop();
		kernel_sock_shutdown(tux_server.listener, SHUT_RDWR);
	}
	tux_threads_stop();
	if (!restart)
		close_listener();
	tux_log_stop();
	path_put(&tux_server.root);
	tux_server.running = false;
}

/* For those who look at the threads. */
void tux_control_lock(void)
{
	mutex_lock(&tux_control);
}

void tux_control_unlock(void)
{
	mutex_unlock(&tux_control);
}

/**
 * tux_control_server() - start, stop, or start anew
 * @wanted: TUX_STOP, TUX_START or TUX_RESTART
 *
 * Return: 0, or why the server does not run.
 */
int tux_control_server(enum tux_control wanted)
{
	int ret = 0;

	mutex_lock(&tux_control);
	if (tux_server.running && wanted != TUX_START)
		stop(wanted == TUX_RESTART);
	if (!tux_server.running && wanted != TUX_STOP)
		ret = start();
	if (ret)
		close_listener();
	mutex_unlock(&tux_control);
	return ret;
}

static int __init tux_init(void)
{
	int ret = tux_stat_register();

	if (ret)
		return ret;
	ret = tux_slab_open();
	if (ret)
		goto no_slab;
	ret = tux_sysctl_register();
	if (ret)
		goto no_sysctl;
	return 0;

no_sysctl:
	tux_stat_unregister();
	tux_slab_close();
	return ret;
no_slab:
	tux_stat_unregister();
	return ret;
}

static void __exit tux_exit(void)
{
	tux_sysctl_unregister();
	tux_control_server(TUX_STOP);
	tux_stat_unregister();
	tux_slab_close();
	rcu_barrier();
}

module_init(tux_init);
module_exit(tux_exit);
MODULE_DESCRIPTION("TUX, a web server in the kernel");
MODULE_LICENSE("GPL");
