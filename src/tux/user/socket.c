// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP for TUX as a process: takes the place of ../socket.c and ../handover.c. One thread waits for
 * events of all sockets and wakes requests, as the kernel's callbacks do. Connections cannot be
 * handed over to another process.
 */
#include "../tux.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Outlives its struct socket until the event thread has seen that it is closed. */
struct connection {
	int fd;
	pthread_mutex_t lock;
	struct tux_req *req;	/* guarded by lock */
	bool ended;
	bool failed;
	__be32 peer;
};

static int events = -1;
static pthread_t event_thread;
static pthread_mutex_t graves_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t round_lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *listening;

/* Closed connections: the event thread may hold a pointer to them until its round is over. */
static struct connection **graves;
static unsigned int nr_graves;

static void bury(struct connection *connection)
{
	pthread_mutex_lock(&graves_lock);
	graves = realloc(graves, (nr_graves + 1) * sizeof(*graves));
	if (!graves)
		abort();
	graves[nr_graves++] = connection;
	pthread_mutex_unlock(&graves_lock);
}

static void clear_graves(void)
{
	pthread_mutex_lock(&graves_lock);
	while (nr_graves)
		free(graves[--nr_graves]);
	pthread_mutex_unlock(&graves_lock);
}

static void dispatch(struct connection *connection, unsigned int what)
{
	unsigned int i, wake = 0;

	if (connection == READ_ONCE(listening)) {
		for (i = 0; i < READ_ONCE(tux_server.nr_threads); i++)
			wake_tux_thread(tux_server.threads[i]);
		return;
	}
	pthread_mutex_lock(&connection->lock);
	if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		wake |= TUX_WAIT_INPUT;
	if (what & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		wake |= TUX_WAIT_OUTPUT;
	if (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		WRITE_ONCE(connection->ended, true);
	if (what & (EPOLLHUP | EPOLLERR))
		WRITE_ONCE(connection->failed, true);
	if (connection->req)
		wake_tux_req(connection->req, wake);
	pthread_mutex_unlock(&connection->lock);
}

/* Wait for the callbacks that are on their way. */
void synchronize_net(void)
{
	pthread_mutex_lock(&round_lock);
	pthread_mutex_unlock(&round_lock);
}

static void *run_events(void *unused)
{
	struct epoll_event ready[64];

	while (READ_ONCE(listening)) {
		int i, n = epoll_wait(events, ready, ARRAY_SIZE(ready), 20);

		pthread_mutex_lock(&round_lock);
		for (i = 0; i < n; i++)
			dispatch(ready[i].data.ptr, ready[i].events);
		pthread_mutex_unlock(&round_lock);
		clear_graves();
	}
	clear_graves();
	free(graves);
	graves = NULL;
	return NULL;
}

static void watch(struct connection *connection, unsigned int what)
{
	struct epoll_event event = { .events = what | EPOLLET, .data.ptr = connection };

	if (epoll_ctl(events, EPOLL_CTL_ADD, connection->fd, &event))
		abort();
}

static int accept_here(struct socket *sock, struct socket *fresh, int flags, bool kern)
{
	static const int one = 1;
	struct sockaddr_in peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = accept4(sock->connection->fd, (struct sockaddr *)&peer, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fresh->connection->fd = fd;
	fresh->connection->peer = peer.sin_addr.s_addr;
	return 0;
}

static const struct proto_ops operations = { .accept = accept_here };

struct socket *sock_alloc(void)
{
	struct socket *sock = kzalloc(sizeof(*sock), GFP_KERNEL);

	if (!sock)
		return NULL;
	sock->connection = calloc(1, sizeof(*sock->connection));
	if (!sock->connection)
		abort();
	sock->connection->fd = -1;
	pthread_mutex_init(&sock->connection->lock, NULL);
	return sock;
}

void sock_release(struct socket *sock)
{
	if (sock->connection->fd >= 0)
		close(sock->connection->fd);
	bury(sock->connection);
	kfree(sock);
}

int kernel_sock_shutdown(struct socket *sock, int how)
{
	return shutdown(sock->connection->fd, how) ? -errno : 0;
}

struct socket *tux_listen(void)
{
	static const int one = 1;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(tux_knobs.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct socket *sock = sock_alloc();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (!sock || fd < 0)
		return ERR_PTR(-ENOMEM);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	sock->connection->fd = fd;
	sock->ops = &operations;
	sock->type = SOCK_STREAM;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, tux_knobs.max_backlog)) {
		int error = errno;

		sock_release(sock);
		return ERR_PTR(-error);
	}
	events = epoll_create1(EPOLL_CLOEXEC);
	listening = sock->connection;
	watch(listening, EPOLLIN);
	if (pthread_create(&event_thread, NULL, run_events, NULL))
		abort();
	return sock;
}

void tux_unlisten(struct socket *sock)
{
	WRITE_ONCE(listening, NULL);
	pthread_join(event_thread, NULL);
	close(events);
	sock_release(sock);
	clear_graves();
	free(graves);
	graves = NULL;
}

bool tux_backlog_empty(void)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	/* Of a listening socket this is the number of connections that wait for accept(). */
	if (getsockopt(listening->fd, IPPROTO_TCP, TCP_INFO, &info, &size) ||
	    info.tcpi_state != 10)
		return true;
	return !info.tcpi_unacked;
}

void link_socket(struct tux_req *req)
{
	req->sock->connection->req = req;
	watch(req->sock->connection, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

void unlink_socket(struct tux_req *req)
{
	pthread_mutex_lock(&req->sock->connection->lock);
	req->sock->connection->req = NULL;
	pthread_mutex_unlock(&req->sock->connection->lock);
}

unsigned int input_pending(const struct tux_req *req)
{
	int size = 0;

	ioctl(req->sock->connection->fd, FIONREAD, &size);
	return size;
}

bool input_ended(const struct tux_req *req)
{
	return READ_ONCE(req->sock->connection->ended);
}

bool output_failed(const struct tux_req *req)
{
	return READ_ONCE(req->sock->connection->failed);
}

bool input_ready(const struct tux_req *req)
{
	return input_pending(req) > req->header_length || input_ended(req);
}

/* The event thread tells about space; a look ahead would say "some" where the kernel says "a lot". */
bool output_ready(const struct tux_req *req)
{
	return output_failed(req);
}

int peek_input(struct tux_req *req, char *buf, unsigned int size)
{
	ssize_t got = recv(req->sock->connection->fd, buf, size, MSG_PEEK | MSG_DONTWAIT);

	return got < 0 ? -errno : got;
}

int consume_input(struct tux_req *req, unsigned int size)
{
	ssize_t got = recv(req->sock->connection->fd, NULL, size, MSG_TRUNC | MSG_DONTWAIT);

	return got < 0 ? -errno : got;
}

int send_page(struct tux_req *req, struct page *page, unsigned int offset, unsigned int size,
	      bool more)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	ssize_t sent = send(req->sock->connection->fd, page->data + offset, size, flags);

	return sent < 0 ? -errno : sent;
}

void reset_on_close(struct tux_req *req)
{
	static const struct linger linger = { .l_onoff = 1 };

	setsockopt(req->sock->connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

__be32 peer_address(const struct tux_req *req)
{
	return req->sock->connection->peer;
}

bool hand_over_connection(struct tux_req *req)
{
	return false;
}
