/* SPDX-License-Identifier: MIT */
/* The constructs that say which handler comes next, and the free lists of lines and exchanges. */
#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "switchboard.h"

#define FREE_LIST_MAX 512

/* NAME_get() and NAME_put(): objects of TYPE from a free list; what they hold is not cleared. */
#define DEFINE_FREE_LIST(name, type)						\
	union name##_slot {							\
		type object;							\
		union name##_slot *next;					\
	};									\
	static union name##_slot *name##_free;					\
	static unsigned int name##_free_count;					\
										\
	type *name##_get(void)							\
	{									\
		union name##_slot *slot = name##_free;				\
										\
		if (slot) {							\
			name##_free = slot->next;				\
			name##_free_count--;					\
			return &slot->object;					\
		}								\
		slot = malloc(sizeof(*slot));					\
		return slot ? &slot->object : NULL;				\
	}									\
										\
	void name##_put(type *object)						\
	{									\
		union name##_slot *slot = (union name##_slot *)object;		\
										\
		if (name##_free_count >= FREE_LIST_MAX) {			\
			free(slot);						\
			return;							\
		}								\
		slot->next = name##_free;					\
		name##_free = slot;						\
		name##_free_count++;						\
	}									\
										\
	static void name##_release_free(void)					\
	{									\
		while (name##_free) {						\
			union name##_slot *slot = name##_free;			\
										\
			name##_free = slot->next;				\
			free(slot);						\
		}								\
		name##_free_count = 0;						\
	}

DEFINE_FREE_LIST(line, struct line)
DEFINE_FREE_LIST(exchange, struct exchange)

void release_free_lists(void)
{
	line_release_free();
	exchange_release_free();
}

/* Nothing of a request has come. */
const struct phase phase_idle = {
	.on_ready = on_first_bytes,
	.on_timeout = hang_up,
	.events = EPOLLIN,
	.divisor = 1,
};

/* A header is incomplete. */
const struct phase phase_header = {
	.on_ready = on_header_bytes,
	.on_timeout = on_header_late,
	.events = EPOLLIN,
	.divisor = 1,
};

/* The peer does not take the reply. */
const struct phase phase_reply = {
	.on_ready = on_writable,
	.on_timeout = hang_up,
	.events = EPOLLOUT,
	.divisor = 1,
	.restarts = true,
};

/* The last reply is out; the peer is to close. */
const struct phase phase_linger = {
	.on_ready = on_discard,
	.on_timeout = hang_up,
	.events = EPOLLIN,
	.divisor = 5,
};

/* Call @handler in this round of the loop, after those that are ready already. */
void call_soon(struct line *line, handler_fn *handler)
{
	assert(!line->handler);
	line->handler = handler;
	line->next_ready = NULL;
	*line->board->ready_last = line;
	line->board->ready_last = &line->next_ready;
}

/* Call @handler, once, when the socket has one of @events. */
void call_when_ready(struct line *line, uint32_t events, handler_fn *handler)
{
	struct epoll_event event = { .events = events | EPOLLONESHOT, .data.ptr = line };

	assert(!line->handler);
	line->handler = handler;
	if (epoll_ctl(line->board->epoll_fd, EPOLL_CTL_MOD, line->fd, &event))
		abort();	/* the socket is open and known */
}

void cancel_timer(struct line *line)
{
	if (!line->wheel_link)
		return;
	*line->wheel_link = line->wheel_next;
	if (line->wheel_next)
		line->wheel_next->wheel_link = line->wheel_link;
	line->wheel_link = NULL;
}

/* Call @handler, once, at @deadline_ms if nothing else was called until then. */
void call_at(struct line *line, int64_t deadline_ms, handler_fn *handler)
{
	struct line **slot = &line->board->wheel[deadline_ms / WHEEL_TICK_MS % WHEEL_SLOTS];

	line->on_timeout = handler;
	line->deadline_ms = deadline_ms;
	line->wheel_next = *slot;
	line->wheel_link = slot;
	if (*slot)
		(*slot)->wheel_link = &line->wheel_next;
	*slot = line;
}

/* Wait as @phase says. */
void enter_phase(struct line *line, const struct phase *phase)
{
	int64_t deadline_ms = line->deadline_ms;

	if (line->phase != phase || phase->restarts)
		deadline_ms = line->board->now_ms + line->board->timeout_ms / phase->divisor;
	line->phase = phase;
	call_when_ready(line, phase->events, phase->on_ready);
	call_at(line, deadline_ms, phase->on_timeout);
}

void dispatch(struct line *line)
{
	handler_fn *handler = line->handler;

	line->handler = NULL;
	handler(line);
}

void dispatch_timeout(struct line *line)
{
	handler_fn *on_timeout = line->on_timeout;

	cancel_timer(line);
	line->handler = NULL;
	on_timeout(line);
}
