/* SPDX-License-Identifier: MIT */
/* What stages do for a request. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

static int take(struct @task@ *c, char *to, size_t room)
{
	ssize_t got = read(c->fd, to, room);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return got ? (int)got : -1;
}

int fill(struct @task@ *c)
{
	int got = take(c, c->@inbox@->text + c->used, (size_t)(LINE_SIZE - c->used));

	if (got > 0)
		c->used += got;
	return got;
}

bool has_line(const struct @task@ *c)
{
	return memchr(c->@inbox@->text, '\n', (size_t)c->used);
}

bool is_full(const struct @task@ *c)
{
	return c->used == LINE_SIZE && !has_line(c);
}

/* Take the first line out of the inbox.  Its length is at most LINE_SIZE, its mode 1 or 2. */
bool read_command(struct @task@ *c)
{
	const char *end = memchr(c->@inbox@->text, '\n', (size_t)c->used);
	size_t length = (size_t)(end - c->@inbox@->text), name = sizeof(c->@query@->name);

	c->length = (int)length;
	c->mode = c->@inbox@->text[0] == 'P' ? 2 : 1;
	c->keeps = memcmp(c->@inbox@->text, "GET", 3) == 0;
	if (length < 5 || length - 4 >= name)
		return false;
	memcpy(c->@query@->name, c->@inbox@->text + 4, length - 4);
	c->@query@->name[length - 4] = '\0';
	return true;
}

bool is_allowed(const struct @task@ *c)
{
	return c->@query@->name[0] != '.';
}

bool is_known(const struct @task@ *c)
{
	return c->@query@->name[0] != '_';
}

bool is_loaded(struct @task@ *c)
{
	c->@entry@->rounds++;
	return c->@entry@->rounds > 2;
}

void compose(struct @task@ *c)
{
	c->left = snprintf(c->@outbox@->text, sizeof(c->@outbox@->text), "OK %d\n", c->length);
	c->at = 0;
}

void explain(struct @task@ *c)
{
	c->left = snprintf(c->@notice@->text, sizeof(c->@notice@->text), "NO %d\n", c->length);
	c->at = 0;
	c->keeps = false;
}

int drain(struct @task@ *c)
{
	const char *from = c->@notice@ ? c->@notice@->text : c->@outbox@->text;
	ssize_t sent = write(c->fd, from + c->at, (size_t)c->left);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? c->left : -1;
	c->at += (int)sent;
	c->left -= (int)sent;
	return c->left;
}

int discard(struct @task@ *c)
{
	char waste[256];

	return take(c, waste, sizeof(waste));
}

/* What follows the line moves to the front of the inbox. */
void start_again(struct @task@ *c)
{
	int line = c->length + 1;

	memmove(c->@inbox@->text, c->@inbox@->text + line, (size_t)(c->used - line));
	c->used -= line;
}
