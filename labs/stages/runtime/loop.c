/* SPDX-License-Identifier: MIT */
/* The event loop: who runs next, and what a stage may ask of it. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#define MOST	256

static struct @task@ *all[MOST];
static struct @task@ *@free_list@;

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void @soon@(@soon_parameters@)
{
	c->next = stage;
	c->events = 0;
}

void @ready@(@ready_parameters@)
{
	c->next = stage;
	c->events = events;
}

void @timer@(@timer_parameters@)
{
	c->late = stage;
	c->deadline = now_ms() + ms;
}

static struct @task@ *@get@(void)
{
	struct @task@ *c = @free_list@;

	if (c)
		@free_list@ = c->link;
	else
		c = malloc(sizeof(*c));
	return c;
}

void @put@(struct @task@ *c)
{
	all[c->slot] = NULL;
	c->link = @free_list@;
	@free_list@ = c;
}

/* The stage that @c waits for can run. */
static void @run@(struct @task@ *c)
{
	stage_fn stage = c->next;

	c->next = NULL;
	c->late = NULL;
	c->events = 0;
	stage(c);
}

/* It has waited for too long. */
static void @run_late@(struct @task@ *c)
{
	stage_fn stage = c->late;

	c->next = NULL;
	c->late = NULL;
	c->events = 0;
	stage(c);
}

static void take_connection(int listener)
{
	int slot = 0, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	struct @task@ *c;

	if (fd < 0)
		return;
	while (slot < MOST && all[slot])
		slot++;
	c = slot < MOST ? @get@() : NULL;
	if (!c) {
		close(fd);
		return;
	}
	*c = (struct @task@){ .fd = fd, .slot = slot };
	all[slot] = c;
	@call_entry@;
}

static int fill_table(struct pollfd *table, int listener)
{
	int wait = -1;

	table[MOST] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (int i = 0; i < MOST; i++) {
		struct @task@ *c = all[i];

		table[i] = (struct pollfd){ .fd = c && c->events ? c->fd : -1 };
		if (!c)
			continue;
		table[i].events = c->events;
		if (c->next && !c->events)
			wait = 0;
		else if (c->late && wait)
			wait = 10;
	}
	return wait;
}

void @loop@(int listener)
{
	struct pollfd table[MOST + 1];

	for (;;) {
		int wait = fill_table(table, listener);

		poll(table, MOST + 1, wait);
		for (int i = 0; i < MOST; i++) {
			struct @task@ *c = all[i];

			if (!c)
				continue;
			if (c->next && (!c->events || table[i].revents))
				@run@(c);
			else if (c->late && now_ms() >= c->deadline)
				@run_late@(c);
		}
		if (table[MOST].revents)
			take_connection(listener);
	}
}
