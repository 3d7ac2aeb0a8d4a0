/* SPDX-License-Identifier: MIT */
/* The system calls a function of the timer that is part of the request, with the timer's address. */
#include <stddef.h>
#include <stdlib.h>

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

struct timer_list {
	unsigned long expires;
	void (*function)(struct timer_list *timer);
};

struct conn;
typedef void stage_fn(struct conn *conn);

struct head {
	char text[256];
};

struct conn {
	struct conn *next;
	stage_fn *stage;
	struct timer_list timer;
	struct head *head;
};

struct conn *ready;

void mod_timer(struct timer_list *timer, unsigned long expires);
void del_timer(struct timer_list *timer);
int socket_read(struct conn *conn, void *to, size_t room);

static void queue_stage(struct conn *conn, stage_fn *stage)
{
	conn->stage = stage;
	conn->next = ready;
	ready = conn;
}

static void stage_close(struct conn *conn)
{
	free(conn->head);
	conn->head = NULL;
}

static void on_timeout(struct timer_list *timer)
{
	queue_stage(container_of(timer, struct conn, timer), stage_close);
}

static void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *timer))
{
	timer->function = function;
}

static void stage_answer(struct conn *conn)
{
	del_timer(&conn->timer);
	queue_stage(conn, stage_close);
}

void stage_start(struct conn *conn)
{
	conn->head = malloc(sizeof(*conn->head));
	if (!conn->head)
		return;
	timer_setup(&conn->timer, on_timeout);
	mod_timer(&conn->timer, 100);
	if (socket_read(conn, conn->head, sizeof(*conn->head)) > 0)
		queue_stage(conn, stage_answer);
}

void run_stage(struct conn *conn)
{
	conn->stage(conn);
}

void event_loop(void)
{
	while (ready) {
		struct conn *conn = ready;

		ready = conn->next;
		run_stage(conn);
	}
}
