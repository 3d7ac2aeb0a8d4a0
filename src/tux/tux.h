/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TUX: an event-driven web server in the kernel.
 *
 * One request is one struct tux_req. It carries a LIFO stack of atoms (stages), and is at any
 * moment in exactly one place: run by a thread, on its thread's work queue (runnable), on the
 * I/O queue (waits for a thread that may block), on its thread's list of waiting requests (a
 * socket callback or a timer makes it runnable), or on the free list. README.md draws the graph.
 */
#ifndef _TUX_H
#define _TUX_H

#ifdef __KERNEL__
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/path.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/sysctl.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "trace.h"

/* Exported, but declared only to those who live in fs/. */
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt, const char *name,
		    unsigned int flags, struct path *path);
#else
#include "user/kernel.h"
#endif

#include "parse.h"

struct tux_req;
struct tux_thread;

#include "stat.h"
#include "admission.h"
#include "schedule.h"
#include "slab.h"

#define TUX_ATOM_DEPTH	8
#define TUX_MAX_THREADS	16
#define TUX_MAX_IO_THREADS	64
/* Room for the header of a reply. */
#define TUX_REPLY_HEADER_MAX	640

typedef void tux_atom_t(struct tux_req *req, int cachemiss);

/* What a waiting request waits for. */
#define TUX_WAIT_INPUT	1	/* bytes, or the end of the input */
#define TUX_WAIT_OUTPUT	2	/* space in the socket's send buffer */
#define TUX_WAIT_TIME	4	/* only for its timer */

/* A slice of a page that belongs to the thread: a reply's header, or a decoded name. */
struct tux_abuf {
	struct page *page;
	char *buf;
	unsigned int offset;	/* in the page */
	unsigned int size;	/* bytes that are used */
	unsigned int sent;	/* of them */
};

/* The rare head that is longer than net.tux.max_header_len. */
struct tux_long_head {
	u16 size;	/* of @text */
	char text[];
};

/**
 * struct tux_req - a connection, and the request that it is at
 * @list: in the one queue or list where the request is
 * @queued: the turn in which it was put on the work queue
 * @thread: the fast thread that owns it, for life
 * @timer: ends a wait
 * @sock: the connection
 * @atoms: the stages to come, the next one on top
 * @waiting: TUX_WAIT_* while it is on a list of waiting requests; guarded by @thread->lock
 * @timed: the timer was armed once
 * @expired: the timer ended the wait
 * @idle: between two requests
 * @aborted: the connection is of no use any more
 * @linger: the peer may still be sending: close in two steps
 * @deadline: jiffies at which the head must be complete, or some output be taken
 * @keep_alive: another request may follow this one
 * @lingered: bytes thrown away since our direction was closed
 * @header_length: bytes of the head that were peeked
 * @header: the head of the request, as peeked
 * @long_head: takes its place where the head is longer
 * @type: media type of the object
 * @page: a page of the body that had to be read from the disk
 * @body_next: what to send next of the object, up to @body_end
 */
struct tux_req {
	struct list_head list;
	unsigned int queued;
	struct tux_thread *thread;
	struct timer_list timer;

	struct_group(connection,
		struct socket *sock;
		u8 nr_atoms;
		u8 waiting;
		bool timed;
		bool expired;
		bool idle;
		bool aborted;
		bool linger;
		unsigned int lingered;
		unsigned long deadline;
	);
	tux_atom_t *atoms[TUX_ATOM_DEPTH];

	struct_group(request,
		bool keep_alive;
		u16 status;
		u16 header_length;
		u16 header_size;
		char *header;
		struct tux_long_head *long_head;
		const char *type;
		struct tux_abuf abuf;
		struct file *file;
		struct page *page;
		pgoff_t page_index;
		loff_t body_start;
		loff_t body_next;
		loff_t body_end;
		unsigned long output_started;
	);
	struct tux_message message;
};

/* The head of the request, wherever it is. */
static inline char *tux_head(const struct tux_req *req)
{
	return unlikely(req->long_head) ? req->long_head->text : req->header;
}

/**
 * struct tux_thread - a fast thread and the requests it owns
 * @lock: guards the lists, @asleep, and the waiting state of requests; taken in softirq too
 * @schedule: runnable requests
 * @waiting: requests that wait for a callback or a timer
 * @idle: those between two requests, longest idle first
 * @asleep: the thread sleeps, or is about to
 * @draining: the server stops: requests are finished, connections not kept
 * @aborting: no time is left for that
 * @nr_waiting: requests on @waiting
 * @nr_live: requests that exist; only the thread itself changes it
 * @free: LIFO list of dead request structures
 * @abuf_lock: guards @abuf_page and @abuf_used, which helper threads use as well
 */
struct tux_thread {
	spinlock_t lock;
	struct tux_schedule schedule;
	struct list_head waiting;
	struct list_head idle;
	bool asleep;
	bool draining;
	bool aborting;
	unsigned int nr_idle;
	unsigned int nr_waiting;
	unsigned int nr_live;
	struct task_struct *task;

	struct list_head free;
	unsigned int nr_free;

	spinlock_t abuf_lock;
	struct page *abuf_page;
	unsigned int abuf_used;

	time64_t date_seconds;
	char date[30];
};

/* The one server of this kernel. */
struct tux_server {
	bool running;
	struct socket *listener;
	struct path root;
	struct tux_thread *threads[TUX_MAX_THREADS];
	unsigned int nr_threads;
};

extern struct tux_server tux_server;

/* sysctl.c: the knobs; README.md documents each. */
#define TUX_PATH_MAX	256
struct tux_knobs {
	char documentroot[TUX_PATH_MAX];
	char logfile[TUX_PATH_MAX];
	char page_404[TUX_PATH_MAX];
	char types[TUX_TYPES_MAX];
	char charset[TUX_CHARSET_MAX];
	int port;
	int clientport;
	int threads;
	int io_threads;
	int uid;
	int gid;
	int max_backlog;
	int max_connect;
	int max_keepalives;
	int max_free_requests;
	int max_header_len;
	int long_header_len;
	int max_object_size;
	int max_output_bandwidth;
	int header_timeout;
	int keepalive_timeout;
	int output_timeout;
	int linger_timeout;
	int linger_time;
	int max_linger;
	int stop_timeout;
	int mode_forbidden;
	int mode_allowed;
	int virtual_server;
	int generate_etags;
	int generate_last_mod;
	int generate_cache_control;
	int max_age;
	int defer_accept;
	int ack_pingpong;
	int logging;
	int referer_logging;
};

extern struct tux_knobs tux_knobs;

int tux_sysctl_register(void);
void tux_sysctl_unregister(void);

/* main.c */
enum tux_control { TUX_STOP, TUX_START, TUX_RESTART };
int tux_control_server(enum tux_control wanted);
void tux_control_lock(void);
void tux_control_unlock(void);

/* threads.c */
int tux_threads_start(unsigned int fast, unsigned int io);
void tux_threads_stop(void);
void queue_cachemiss(struct tux_req *req);
void drop_privileges(void);

/* event_loop.c */
int event_loop(void *data);

/* atoms.c */
void add_tux_atom(struct tux_req *req, tux_atom_t *atom);
void tux_schedule_atom(struct tux_req *req, int cachemiss);
void add_req_to_workqueue(struct tux_req *req);
void wait_for_event(struct tux_req *req, unsigned int events, unsigned long timeout);
void wake_tux_req(struct tux_req *req, unsigned int events);
void wake_all_reqs(struct tux_thread *thread, struct list_head *list, unsigned int limit);
void wake_tux_thread(struct tux_thread *thread);
void tux_req_timed_out(struct timer_list *timer);

/* req.c, abuf.c: allocation */
struct tux_req *kmalloc_req(struct tux_thread *thread);
void kfree_req(struct tux_req *req);
void tux_free_list_empty(struct tux_thread *thread);
char *get_abuf(struct tux_req *req, unsigned int max_size);
void trim_abuf(struct tux_req *req, unsigned int size);
void free_abuf(struct tux_req *req);
void release_abuf_page(struct tux_thread *thread);

/* socket.c, handover.c: TCP */
struct socket *tux_listen(void);
void tux_unlisten(struct socket *sock);
bool tux_backlog_empty(void);
void link_socket(struct tux_req *req);
void unlink_socket(struct tux_req *req);
unsigned int input_pending(const struct tux_req *req);
bool input_ended(const struct tux_req *req);
bool input_ready(const struct tux_req *req);
bool output_ready(const struct tux_req *req);
bool output_failed(const struct tux_req *req);
int peek_input(struct tux_req *req, char *buf, unsigned int size);
int consume_input(struct tux_req *req, unsigned int size);
int send_page(struct tux_req *req, struct page *page, unsigned int offset, unsigned int size,
	      bool more);
void reset_on_close(struct tux_req *req);
__be32 peer_address(const struct tux_req *req);
bool hand_over_connection(struct tux_req *req);

/* lookup.c: the file system */
int lookup_path(const struct path *root, const char *name, int cachemiss, struct path *path);
int open_object(struct tux_req *req, const struct path *path, int cachemiss);
void close_object(struct tux_req *req);
struct page *find_body_page(struct tux_req *req);
void read_body_page(struct tux_req *req);

/* conditions.c, reply.c: what to answer */
struct tux_version {
	loff_t size;
	s64 modified;
	bool weak;	/* it may have changed within the clock's resolution */
	unsigned int etag_length;
	char etag[48];	/* 41 at most: two numbers of 64 bits, and "-new" */
};

unsigned int evaluate_conditions(struct tux_req *req, const struct tux_version *version);
int compose_object_reply(struct tux_req *req, unsigned int status);
int compose_constant_reply(struct tux_req *req, unsigned int status);
bool slash_reply_fits(const struct tux_req *req);
int compose_slash_reply(struct tux_req *req);

/* Ways through the stages: accept.c, input.c, redirect.c, close.c */
unsigned int accept_requests(struct tux_thread *thread, unsigned int limit);
bool accept_possible(struct tux_thread *thread);
bool asked_nothing(const struct tux_req *req);
bool input_over(const struct tux_req *req);
void expect_request(struct tux_req *req);
void free_header(struct tux_req *req);
void send_reply(struct tux_req *req);
void refuse_request(struct tux_req *req, unsigned int status);
void flush_request(struct tux_req *req);
void abort_request(struct tux_req *req);
void close_connection(struct tux_req *req);
void release_connection(struct tux_req *req);

/* The stages that are atoms: input.c, http.c, output.c, redirect.c, close.c */
void parse_request(struct tux_req *req, int cachemiss);
void process_message(struct tux_req *req, int cachemiss);
void send_abuf(struct tux_req *req, int cachemiss);
void post_header(struct tux_req *req, int cachemiss);
void send_body(struct tux_req *req, int cachemiss);
void redirect_request(struct tux_req *req, int cachemiss);
void linger_close(struct tux_req *req, int cachemiss);

/* log.c */
int tux_log_start(void);
void tux_log_stop(void);
void tux_log_reopen(void);
void log_request(const struct tux_req *req);

#endif /* _TUX_H */
