// SPDX-License-Identifier: GPL-2.0-only
/*
 * The knobs: net.tux.* in sysctl, each with the range of its values. README.md documents them.
 *
 * Context: process. Most knobs may change while the server runs; those of documentroot, port,
 * threads, io_threads, uid, gid, max_backlog, defer_accept, ack_pingpong, types and charset are
 * read at its start.
 */
#include "tux.h"

struct tux_knobs tux_knobs = {
	.documentroot = "/var/www",
	.logfile = "/var/log/tux",
	.port = 80,
	.clientport = 8080,
	.io_threads = 2,
	.uid = 65534,
	.gid = 65534,
	.max_backlog = 2048,
	.max_connect = 10000,
	.max_keepalives = 10000,
	.max_free_requests = 1000,
	.max_header_len = 3000,
	.long_header_len = 16384,
	.header_timeout = 30,
	.keepalive_timeout = 75,
	.output_timeout = 60,
	.linger_timeout = 5,
	.linger_time = 30,
	.max_linger = 1 << 30,
	.stop_timeout = 5,
	.mode_allowed = 0004,
	.generate_etags = 1,
	.generate_last_mod = 1,
	.generate_cache_control = 1,
	.max_age = 600,
	.defer_accept = 1,
	.ack_pingpong = 1,
};

static int set_running(struct ctl_table *table, int write, void *buffer, size_t *length,
		       loff_t *position)
{
	int state = tux_server.running;
	struct ctl_table number = *table;
	int ret;

	number.data = &state;	/* writers do not see each other's */
	ret = proc_dointvec_minmax(&number, write, buffer, length, position);
	if (!ret && write)
		ret = tux_control_server(state);
	return ret;
}

/* Write 1, and the log's file is closed; the next line opens it anew, under its name. */
static int set_reopen_log(struct ctl_table *table, int write, void *buffer, size_t *length,
			  loff_t *position)
{
	int wanted = 0;
	struct ctl_table number = *table;
	int ret;

	number.data = &wanted;
	ret = proc_dointvec_minmax(&number, write, buffer, length, position);
	if (!ret && write && wanted)
		tux_log_reopen();
	return ret;
}

/* A text that takes effect at the next start, but is looked at now. */
static int set_checked_text(struct ctl_table *table, int write, void *buffer, size_t *length,
			    loff_t *position)
{
	int (*check)(const char *text) = table->extra1;
	struct ctl_table text = *table;
	int ret;

	if (!write)
		return proc_dostring(table, write, buffer, length, position);
	text.maxlen = 2 * table->maxlen;	/* what is too long must not be cut silently */
	text.data = kvzalloc(text.maxlen, GFP_KERNEL);
	if (!text.data)
		return -ENOMEM;
	ret = proc_dostring(&text, write, buffer, length, position);
	if (!ret && strlen(text.data) >= table->maxlen)
		ret = -EINVAL;
	if (!ret)
		ret = check(text.data);
	if (!ret)
		strscpy(table->data, text.data, table->maxlen);
	kvfree(text.data);
	return ret;
}

/* Not more than what there is memory for: one has to hear of it at once. */
static int set_max_header_len(struct ctl_table *table, int write, void *buffer, size_t *length,
			      loff_t *position)
{
	int bytes = tux_knobs.max_header_len;
	struct ctl_table number = *table;
	int ret;

	number.data = &bytes;
	ret = proc_dointvec_minmax(&number, write, buffer, length, position);
	if (!ret && write)
		ret = tux_slab_check_header(bytes);
	if (!ret && write)
		WRITE_ONCE(tux_knobs.max_header_len, bytes);
	return ret;
}

#define NUMBER(knob, low, high) {			\
	.procname = #knob,				\
	.data = &tux_knobs.knob,			\
	.maxlen = sizeof(int),				\
	.mode = 0644,					\
	.proc_handler = proc_dointvec_minmax,		\
	.extra1 = (void *)&(const int) { low },		\
	.extra2 = (void *)&(const int) { high },	\
}

#define TEXT(name, knob) {				\
	.procname = name,				\
	.data = tux_knobs.knob,				\
	.maxlen = TUX_PATH_MAX,				\
	.mode = 0644,					\
	.proc_handler = proc_dostring,			\
}

#define CHECKED(knob, function) {			\
	.procname = #knob,				\
	.data = tux_knobs.knob,				\
	.maxlen = sizeof(tux_knobs.knob),		\
	.mode = 0644,					\
	.proc_handler = set_checked_text,		\
	.extra1 = function,				\
}

static struct ctl_table tux_table[] = {
	{
		.procname = "running",
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = set_running,
		.extra1 = (void *)&(const int) { TUX_STOP },
		.extra2 = (void *)&(const int) { TUX_RESTART },
	},
	TEXT("documentroot", documentroot),
	TEXT("logfile", logfile),
	TEXT("404_page", page_404),
	CHECKED(types, tux_mime_check_types),
	CHECKED(charset, tux_mime_check_charset),
	NUMBER(port, 1, 65535),
	NUMBER(clientport, 0, 65535),
	NUMBER(threads, 1, TUX_MAX_THREADS),
	NUMBER(io_threads, 1, TUX_MAX_IO_THREADS),
	NUMBER(uid, 0, INT_MAX),
	NUMBER(gid, 0, INT_MAX),
	NUMBER(max_backlog, 1, 65535),
	NUMBER(max_connect, 1, 1000000),
	NUMBER(max_keepalives, 0, 1000000),
	NUMBER(max_free_requests, 0, 1000000),
	{
		.procname = "max_header_len",
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = set_max_header_len,
		.extra1 = (void *)&(const int) { 256 },
		.extra2 = (void *)&(const int) { 32768 },
	},
	NUMBER(long_header_len, 0, 32768),
	NUMBER(max_object_size, 0, INT_MAX),
	NUMBER(max_output_bandwidth, 0, INT_MAX),
	NUMBER(header_timeout, 1, 3600),
	NUMBER(keepalive_timeout, 0, 86400),
	NUMBER(output_timeout, 1, 86400),
	NUMBER(linger_timeout, 0, 60),
	NUMBER(linger_time, 0, 3600),
	NUMBER(max_linger, 0, INT_MAX),
	NUMBER(stop_timeout, 0, 3600),
	NUMBER(mode_forbidden, 0, 07777),
	NUMBER(mode_allowed, 0, 07777),
	NUMBER(virtual_server, 0, 1),
	NUMBER(generate_etags, 0, 1),
	NUMBER(generate_last_mod, 0, 1),
	NUMBER(generate_cache_control, 0, 1),
	NUMBER(max_age, 0, INT_MAX),
	NUMBER(defer_accept, 0, 1),
	NUMBER(ack_pingpong, 0, 1),
	NUMBER(logging, 0, 1),
	NUMBER(referer_logging, 0, 1),
	{
		.procname = "reopen_log",
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = set_reopen_log,
		.extra1 = (void *)&(const int) { 0 },
		.extra2 = (void *)&(const int) { 1 },
	},
	{ }
};

static struct ctl_table_header *tux_table_header;

int tux_sysctl_register(void)
{
	tux_knobs.threads = min(2U, num_online_cpus());
	tux_table_header = register_net_sysctl(&init_net, "net/tux", tux_table);
	return tux_table_header ? 0 : -ENOMEM;
}

void tux_sysctl_unregister(void)
{
	unregister_net_sysctl_table(tux_table_header);
}
