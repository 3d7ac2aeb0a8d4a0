/* SPDX-License-Identifier: MIT */
/* The loop: new lines, sockets that are ready, handlers that are due, the clock. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "switchboard.h"

#define EVENTS_AT_ONCE 128
#define STOP_LIMIT_MS 5000

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int add_line(struct board *board, int fd)
{
	struct epoll_event event = { 0 };
	struct line *line = line_get();

	if (!line)
		return -ENOMEM;
	memset(line, 0, sizeof(*line));
	line->board = board;
	line->fd = fd;
	event.data.ptr = line;
	if (epoll_ctl(board->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		line_put(line);
		return -errno;
	}
	board->lines++;
	enter_phase(line, &phase_idle);
	return 0;
}

static void set_accepting(struct board *board, bool accepting)
{
	struct epoll_event event = { .events = accepting ? EPOLLIN : 0, .data.ptr = board };

	if (board->accepting == accepting || board->stopping)
		return;
	if (epoll_ctl(board->epoll_fd, EPOLL_CTL_MOD, board->listen_fd, &event) == 0)
		board->accepting = accepting;
}

static void accept_lines(struct board *board)
{
	int one = 1;
	int fd;

	while (board->lines < board->max_lines) {
		fd = accept4(board->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			break;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (add_line(board, fd)) {
			close(fd);
			break;
		}
	}
	/* Something is short: the loop tries again at its next tick. */
	set_accepting(board, false);
}

/* Hang up on every line with a timer; with @phase only on those that are in it. */
static void hang_up_waiting(struct board *board, const struct phase *phase)
{
	for (int slot = 0; slot < WHEEL_SLOTS; slot++) {
		struct line *line = board->wheel[slot];

		while (line) {
			struct line *next = line->wheel_next;

			if (!phase || line->phase == phase)
				hang_up(line);
			line = next;
		}
	}
}

static void begin_stop(struct board *board)
{
	struct signalfd_siginfo info;

	if (read(board->signal_fd, &info, sizeof(info)) != sizeof(info) || board->stopping)
		return;
	board->stopping = true;
	board->stop_ms = board->now_ms + STOP_LIMIT_MS;
	epoll_ctl(board->epoll_fd, EPOLL_CTL_DEL, board->listen_fd, NULL);
	close(board->listen_fd);
	board->listen_fd = -1;
}

/* Every slot that the clock has passed; a line may be there for a later turn of the wheel. */
static void turn_wheel(struct board *board)
{
	int64_t last = board->now_ms / WHEEL_TICK_MS;
	int64_t tick = board->wheel_ms / WHEEL_TICK_MS;

	if (last - tick >= WHEEL_SLOTS)
		tick = last - WHEEL_SLOTS + 1;
	for (; tick <= last; tick++) {
		struct line *line = board->wheel[tick % WHEEL_SLOTS];

		while (line) {
			struct line *next = line->wheel_next;

			if (line->deadline_ms <= board->now_ms)
				dispatch_timeout(line);
			line = next;
		}
	}
	board->wheel_ms = board->now_ms;
}

static void run_ready(struct board *board)
{
	while (board->ready_first) {
		struct line *line = board->ready_first;

		board->ready_first = line->next_ready;
		if (!board->ready_first)
			board->ready_last = &board->ready_first;
		dispatch(line);
	}
}

static void take_event(struct board *board, const struct epoll_event *event)
{
	if (event->data.ptr == board) {
		accept_lines(board);
	} else if (event->data.ptr == &board->signal_fd) {
		begin_stop(board);
	} else {
		struct line *line = event->data.ptr;

		cancel_timer(line);
		dispatch(line);
	}
}

int event_loop(struct board *board)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	board->now_ms = board->wheel_ms = clock_ms();
	board->ready_last = &board->ready_first;
	while (!board->stopping || board->lines > 0) {
		bool ticking = board->lines > 0 || !board->accepting;
		int count = epoll_wait(board->epoll_fd, events, EVENTS_AT_ONCE,
				       ticking ? WHEEL_TICK_MS : -1);

		if (count < 0 && errno != EINTR)
			return -errno;
		board->now_ms = clock_ms();
		for (int i = 0; i < count; i++)
			take_event(board, &events[i]);
		run_ready(board);
		turn_wheel(board);
		run_ready(board);
		if (board->stopping)
			hang_up_waiting(board, board->now_ms < board->stop_ms ? &phase_idle : NULL);
		else if (board->lines < board->max_lines)
			set_accepting(board, true);
	}
	return 0;
}
