/* SPDX-License-Identifier: MIT */
/* main() is the scheduler, around a library's loop; another callback has memory of its own. */
#include <stdlib.h>

struct watch;
typedef void callback_fn(struct watch *watch, void *arg);

struct watch {
	callback_fn *readcb;
};

struct conn {
	struct watch *watch;
};

struct answer {
	struct answer *next;
	char name[64];
};

struct watch *watch_new(int fd, callback_fn *readcb, void *arg);
void watch_free(struct watch *watch);
void listen_for(void (*callback)(int fd, short what, void *arg), void *arg);
int accept_one(void);
int is_ready(void);
int dispatch(void);

static char *root;
static char *banner;
static struct answer *answers;

static void on_read(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	if (is_ready())
		return;
	watch_free(conn->watch);
	free(conn);
}

static void on_accept(int fd, short what, void *arg)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return;
	conn->watch = watch_new(accept_one(), on_read, conn);
	if (!conn->watch)
		free(conn);
}

static void on_answer(int fd, short what, void *arg)
{
	struct answer *answer = malloc(sizeof(*answer));

	if (!answer)
		return;
	answer->next = answers;
	answers = answer;
}

static int read_root(const char *word)
{
	root = malloc(80);
	return root && word;
}

static int read_banner(const char *word)
{
	banner = malloc(90);
	return banner && word;
}

static int (*const readers[])(const char *word) = {read_root, read_banner};

int main(int count, char **words)
{
	for (int i = 1; i < count; i++)
		if (!readers[i % 2](words[i]))
			return 1;
	listen_for(on_answer, NULL);
	listen_for(on_accept, NULL);
	return dispatch();
}
