// SPDX-License-Identifier: GPL-2.0-only
/*
 * TUX as a process, on a port of the loopback interface:
 *
 *	tux-user [--stat FILE] [KNOB=VALUE ...]
 *
 * The knobs are those of net.tux, and the module's parameters. SIGTERM and SIGINT stop the server
 * and end the process, SIGHUP starts it anew (net.tux.running=2), SIGUSR1 opens the log anew, for
 * those who rotate it (net.tux.reopen_log=1), SIGUSR2 writes what /proc/net/tux/stat would show to
 * FILE.
 */
#include "kernel.h"

#include <signal.h>
#include <unistd.h>

static struct ctl_table *knobs;
static int (*show_stat)(struct seq_file *file, void *unused);

struct ctl_table_header *remember_table(struct ctl_table *table)
{
	knobs = table;
	return (void *)table;
}

int proc_create_single_here(int (*show)(struct seq_file *file, void *unused))
{
	show_stat = show;
	return 1;
}

static int set_knob(const char *name, char *value)
{
	struct ctl_table *table;
	size_t length = strlen(value);
	loff_t position = 0;
	int ret = set_param(name, value);

	if (ret != -ENOENT)
		return ret;
	for (table = knobs; table->procname; table++)
		if (!strcmp(table->procname, name))
			return table->proc_handler(table, 1, value, &length, &position);
	return -ENOENT;
}

static int set_knobs(char **arguments)
{
	for (; *arguments; arguments++) {
		char *value = strchr(*arguments, '=');
		int ret = -EINVAL;

		if (value) {
			*value++ = 0;
			ret = set_knob(*arguments, value);
		}
		if (ret) {
			fprintf(stderr, "tux-user: %s: %s\n", *arguments, strerror(-ret));
			return 2;
		}
	}
	return 0;
}

/* Whoever waits for the file sees it only when it is complete. */
static void write_stat(const char *path)
{
	char name[PATH_MAX];
	FILE *file;

	snprintf(name, sizeof(name), "%s.new", path);
	file = fopen(name, "w");
	if (!file)
		return;
	show_stat((struct seq_file *)file, NULL);
	fclose(file);
	rename(name, path);
}

static void serve(const char *stat_path)
{
	char restart[] = "2";
	sigset_t signals;
	int got;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	while (!sigwait(&signals, &got)) {
		if (got == SIGHUP)
			set_knob("running", restart);
		else if (got == SIGUSR1)
			tux_log_reopen();
		else if (got == SIGUSR2 && stat_path)
			write_stat(stat_path);
		else if (got != SIGUSR2)
			break;
	}
}

int main(int argc, char **argv)
{
	const char *stat_path = NULL;
	char start[] = "1";
	sigset_t all;
	int ret;

	if (argc > 2 && !strcmp(argv[1], "--stat")) {
		stat_path = argv[2];
		argv += 2;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);	/* inherited by every thread */
	if (tux_user_init())
		return 4;
	ret = set_knobs(argv + 1);
	if (ret)
		return ret;
	ret = set_knob("running", start);
	if (ret) {
		fprintf(stderr, "tux-user: cannot start: %s\n", strerror(-ret));
		return 4;
	}
	serve(stat_path);
	tux_user_exit();
	return 0;
}
