/* SPDX-License-Identifier: MIT */
/*
 * cascade: a small HTTP/1.1 server for static files, as a state machine on epoll.
 *
 * One thread.  A connection carries a LIFO stack of stages; a stage pushes what is to follow and
 * then either makes its connection runnable, or waits for the socket.  A runnable connection whose
 * stack is empty is flushed: its request is over.  See README.md for the graph of the stages.
 */
#ifndef CASCADE_H
#define CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define HEADER_MAX 3000		/* bytes of a request's header */
#define REPLY_MAX 1024		/* bytes of a reply's header, or of a whole refusal */
#define CHUNK_SIZE 4096		/* bytes of a body read at once */
#define STAGE_DEPTH 4		/* stages that a connection can have pending */

struct conn;
struct server;

typedef void stage_fn(struct conn *conn);

/* Every waiting connection is on the list of one of these, oldest deadline first. */
enum timer_class {
	TIMER_IDLE,		/* no byte of a request has come */
	TIMER_REQUEST,		/* a header is incomplete */
	TIMER_SEND,		/* the peer does not take what we send */
	TIMER_LINGER,		/* we are done, and wait for the peer to close */
	TIMER_CLASSES,
	TIMER_NONE = TIMER_CLASSES,
};

enum method { METHOD_GET, METHOD_HEAD };

/* Per-request object: the header as it came; the request's path points into it. */
struct header_buffer {
	size_t length;
	char text[HEADER_MAX + 1];
};

/* Per-request object: the header of a reply, or a whole refusal. */
struct reply {
	size_t length;
	size_t sent;
	char text[REPLY_MAX];
};

/* Per-request object: the open file that a reply is about. */
struct file_state {
	int fd;
	off_t offset;
	off_t size;
	time_t modified;
	const char *media_type;
};

/* Per-request object: the part of the body that is on its way. */
struct chunk {
	size_t start;
	size_t end;
	char bytes[CHUNK_SIZE];
};

struct request {
	enum method method;
	unsigned int minor_version;
	bool keep_alive;
	bool has_host;
	bool has_body;
	time_t modified_since;	/* 0: not asked */
	char *path;		/* decoded; in the header buffer */
};

/* Per-connection object. */
struct conn {
	struct server *server;
	int fd;
	int status;		/* of the reply, once it is known */
	bool queued;
	bool waiting;
	unsigned int depth;
	unsigned int served;	/* requests on this connection */
	unsigned int discarded;	/* bytes that came after the last reply */
	stage_fn *stages[STAGE_DEPTH];

	enum timer_class timer;
	int64_t deadline_ms;
	struct conn *later;	/* list of the timer class */
	struct conn *earlier;
	struct conn *next;	/* run queue, or free list */

	struct request request;
	struct header_buffer *header;
	struct file_state *file;
	struct reply *reply;
	struct chunk *chunk;
};

struct timer_list {
	struct conn *first;
	struct conn *last;
	int64_t timeout_ms;
};

struct server {
	int root_fd;
	int listen_fd;
	int epoll_fd;
	int signal_fd;
	bool accepting;
	bool stopping;
	unsigned int max_connections;
	unsigned int max_requests;	/* on one connection */
	unsigned int connections;
	int64_t now_ms;
	int64_t stop_deadline_ms;
	struct conn *run_first;
	struct conn *run_last;
	struct timer_list timers[TIMER_CLASSES];
};

/* stage.c: the constructs of the state machine */
void push_stage(struct conn *conn, stage_fn *stage);
void run_next_stage(struct conn *conn);
void make_runnable(struct conn *conn);
struct conn *take_runnable(struct server *server);
void wait_for_socket(struct conn *conn, uint32_t events, enum timer_class timer);
void stop_waiting(struct conn *conn);
void interrupt(struct conn *conn, stage_fn *stage);

/* memory.c: objects of connections and requests */
struct conn *conn_alloc(struct server *server);
void conn_free(struct conn *conn);
void header_release(struct conn *conn);
void file_release(struct conn *conn);
void reply_release(struct conn *conn);
void chunk_release(struct conn *conn);
void conn_trim_free_list(void);

/* loop.c */
int event_loop(struct server *server);

/* input.c */
stage_fn stage_read, stage_parse, stage_linger, stage_timeout;

/* parse.c */
int parse_request(struct request *request, char *text, size_t length);

/* lookup.c */
stage_fn stage_lookup;

/* output.c */
stage_fn stage_head, stage_refuse, stage_send_head, stage_send_body, stage_flush, stage_close;
void refuse(struct conn *conn, int status);

/* head.c */
size_t compose_head(const struct conn *conn, char *text, size_t room);
size_t compose_refusal(const struct conn *conn, char *text, size_t room);

#endif
