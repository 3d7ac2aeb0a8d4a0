/* SPDX-License-Identifier: MIT */
/*
 * switchboard: a small HTTP/1.1 server for files and directory listings, made of callbacks.
 *
 * One thread.  A line (a connection) holds the handler that is to be called next and the phase it
 * is in; a phase says which handlers wait for the socket and for the clock.  What a reply's body
 * is made of hides behind a table of operations.  See README.md.
 */
#ifndef SWITCHBOARD_H
#define SWITCHBOARD_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INBOX_SIZE 4096		/* bytes of a request's header, with what came after it */
#define OUTBOX_SIZE 8192	/* bytes under way to the socket */
#define PATH_SIZE 1024		/* bytes of a decoded path */
#define FIELDS_MAX 100		/* lines of a request's header */
#define TEXT_SIZE 128		/* bytes of the body of a refusal */
#define WHEEL_SLOTS 128
#define WHEEL_TICK_MS 100

struct line;
struct exchange;

typedef void handler_fn(struct line *line);

/* What a line waits for: its handlers for the socket and for the clock, and how long. */
struct phase {
	handler_fn *on_ready;
	handler_fn *on_timeout;
	uint32_t events;
	unsigned int divisor;	/* of the server's timeout */
	bool restarts;		/* the clock, each time that the phase is entered */
};

/* What a body is made of. */
struct body_ops {
	int (*open)(struct line *line);		/* 0, or the status of a refusal */
	ssize_t (*fill)(struct line *line, char *to, size_t room);	/* 0: no more */
	void (*close)(struct line *line);
};

struct inbox {
	size_t start;
	size_t end;
	char bytes[INBOX_SIZE];
};

struct outbox {
	size_t start;
	size_t end;
	char bytes[OUTBOX_SIZE];
};

struct file_body {
	int fd;
	off_t at;
	off_t size;
};

struct text_body {
	size_t at;
	size_t length;
	char text[TEXT_SIZE];
};

struct listing {
	DIR *dir;
	bool finished;
};

/* One request and its reply. */
struct exchange {
	bool head_only;
	bool keep_alive;
	bool chunked;
	bool has_host;
	bool has_body;
	unsigned int minor_version;
	unsigned int fields;
	int status;		/* 0: not refused so far */
	off_t length;		/* of the body; -1: not known before its end */
	const struct body_ops *ops;
	union {
		struct file_body *file;
		struct text_body *text;
		struct listing *listing;
	} body;
	char path[PATH_SIZE];
};

struct line {
	struct board *board;
	int fd;
	unsigned int served;
	unsigned int discarded;
	handler_fn *handler;
	handler_fn *on_timeout;
	const struct phase *phase;
	int64_t deadline_ms;
	struct line *next_ready;
	struct line *wheel_next;
	struct line **wheel_link;	/* NULL: no timer */
	struct inbox *inbox;
	struct outbox *outbox;
	struct exchange *exchange;
};

struct board {
	int root_fd;
	int listen_fd;
	int epoll_fd;
	int signal_fd;
	bool stopping;
	bool accepting;
	unsigned int lines;
	unsigned int max_lines;
	unsigned int max_requests;
	int64_t timeout_ms;
	int64_t now_ms;
	int64_t wheel_ms;	/* time of the last slot that was looked at */
	int64_t stop_ms;
	struct line *ready_first;
	struct line **ready_last;
	struct line *wheel[WHEEL_SLOTS];
};

/* line.c: the constructs, and the objects of a line */
void call_soon(struct line *line, handler_fn *handler);
void call_when_ready(struct line *line, uint32_t events, handler_fn *handler);
void call_at(struct line *line, int64_t deadline_ms, handler_fn *handler);
void cancel_timer(struct line *line);
void enter_phase(struct line *line, const struct phase *phase);
void dispatch(struct line *line);
void dispatch_timeout(struct line *line);
struct line *line_get(void);
void line_put(struct line *line);
struct exchange *exchange_get(void);
void exchange_put(struct exchange *exchange);
void release_free_lists(void);
extern const struct phase phase_idle, phase_header, phase_reply, phase_linger;

/* loop.c */
int event_loop(struct board *board);

/* request.c */
handler_fn on_first_bytes, on_header_bytes, on_header, on_header_late;

/* fields.c */
int parse_request_line(struct exchange *exchange, char *text);
int parse_field(struct exchange *exchange, char *text);

/* reply.c */
handler_fn on_request, on_writable, on_discard, hang_up;
const char *reason_of(int status);

/* body.c */
extern const struct body_ops file_ops, text_ops, listing_ops;
const struct body_ops *choose_body(struct line *line);

#endif
