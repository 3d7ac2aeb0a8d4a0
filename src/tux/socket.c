// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TUX does with TCP: the listening socket, the callbacks that make requests runnable, input,
 * and output by reference to pages.
 *
 * Context: process, except for the callbacks, which run in softirq, or in process context with the
 * socket locked. A callback finds its request through sk_user_data, under sk_callback_lock;
 * unlink_socket() takes that lock to make sure that none is at it any more.
 */
#include "tux.h"

/* What the sockets had before: those of the listening socket are inherited by all others. */
static void (*system_data_ready)(struct sock *sk);
static void (*system_state_change)(struct sock *sk);
static void (*system_write_space)(struct sock *sk);
static void (*system_error_report)(struct sock *sk);

static void wake_owner(struct sock *sk, unsigned int events)
{
	struct tux_req *req;

	read_lock_bh(&sk->sk_callback_lock);
	req = sk->sk_user_data;
	if (req)
		wake_tux_req(req, events);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void tux_data_ready(struct sock *sk)
{
	wake_owner(sk, TUX_WAIT_INPUT);
}

/* The peer has closed its side, or all of the connection. */
static void tux_state_change(struct sock *sk)
{
	wake_owner(sk, TUX_WAIT_INPUT | TUX_WAIT_OUTPUT);
}

static void tux_error_report(struct sock *sk)
{
	wake_owner(sk, TUX_WAIT_INPUT | TUX_WAIT_OUTPUT);
}

static void tux_write_space(struct sock *sk)
{
	if (!sk_stream_is_writeable(sk))
		return;
	if (sk->sk_socket)
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	wake_owner(sk, TUX_WAIT_OUTPUT);
}

/* A connection is established. New sockets inherit this function; it is not meant for them. */
static void tux_listen_ready(struct sock *sk)
{
	unsigned int i;

	if (sk->sk_state != TCP_LISTEN)
		return;
	for (i = 0; i < READ_ONCE(tux_server.nr_threads); i++)
		wake_tux_thread(tux_server.threads[i]);
}

bool tux_backlog_empty(void)
{
	return reqsk_queue_empty(&inet_csk(tux_server.listener->sk)->icsk_accept_queue);
}

/*
 * Options that connections inherit, which saves setting them for each: no Nagle (pieces are joined
 * by hand), and acknowledgements that wait for the reply to carry them.
 */
static void set_listener(struct sock *sk)
{
	if (tux_knobs.defer_accept)
		inet_csk(sk)->icsk_accept_queue.rskq_defer_accept = tux_knobs.defer_accept;
	tcp_sock_set_nodelay(sk);
	if (tux_knobs.ack_pingpong)
		tcp_sock_set_quickack(sk, 0);
	lock_sock(sk);
	sock_set_flag(sk, SOCK_URGINLINE);	/* urgent bytes stay in the stream */
	write_lock_bh(&sk->sk_callback_lock);
	system_data_ready = sk->sk_data_ready;
	system_state_change = sk->sk_state_change;
	system_write_space = sk->sk_write_space;
	system_error_report = sk->sk_error_report;
	sk->sk_data_ready = tux_listen_ready;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/**
 * tux_listen() - open the listening socket
 *
 * Return: the socket, or an error.
 */
struct socket *tux_listen(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(tux_knobs.port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	struct socket *sock;
	/*
	 * A user's socket, not the kernel's: connections inherit which of the two it is, and TCP
	 * stops all timers of a kernel's socket when it is closed, so that what is lost at the end
	 * of a reply would never be sent again.
	 */
	int ret = __sock_create(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &sock, 0);

	if (ret)
		return ERR_PTR(ret);
	sock_set_reuseaddr(sock->sk);
	ret = kernel_bind(sock, (struct sockaddr *)&address, sizeof(address));
	if (!ret)
		ret = tux_admission_start(sock->sk);
	if (!ret)
		ret = kernel_listen(sock, tux_knobs.max_backlog);
	if (ret) {
		tux_admission_stop();
		sock_release(sock);
		return ERR_PTR(ret);
	}
	set_listener(sock->sk);
	return sock;
}

/* The end of the listening socket, and of all connections that nobody has accepted. */
void tux_unlisten(struct socket *sock)
{
	tux_admission_stop();
	lock_sock(sock->sk);
	write_lock_bh(&sock->sk->sk_callback_lock);
	sock->sk->sk_data_ready = system_data_ready;
	write_unlock_bh(&sock->sk->sk_callback_lock);
	release_sock(sock->sk);
	sock_release(sock);
	synchronize_net();	/* a callback may be on its way still */
}

/**
 * link_socket() - let a connection wake its request
 * @req: the request
 */
void link_socket(struct tux_req *req)
{
	struct sock *sk = req->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = req;
	sk->sk_data_ready = tux_data_ready;
	sk->sk_state_change = tux_state_change;
	sk->sk_write_space = tux_write_space;
	sk->sk_error_report = tux_error_report;
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * unlink_socket() - from here on no callback touches the request
 * @req: the request
 */
void unlink_socket(struct tux_req *req)
{
	struct sock *sk = req->sock->sk;

	if (!sk)	/* handed over */
		return;
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	sk->sk_data_ready = system_data_ready;
	sk->sk_state_change = system_state_change;
	sk->sk_write_space = system_write_space;
	sk->sk_error_report = system_error_report;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Bytes that have arrived and were not consumed. */
unsigned int input_pending(const struct tux_req *req)
{
	return tcp_inq(req->sock->sk);
}

/* Nothing will come any more: the peer has closed its side, or the connection is gone. */
bool input_ended(const struct tux_req *req)
{
	struct sock *sk = req->sock->sk;

	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || READ_ONCE(sk->sk_err) ||
	       sk->sk_state == TCP_CLOSE;
}

/* Nothing can be sent any more. */
bool output_failed(const struct tux_req *req)
{
	struct sock *sk = req->sock->sk;

	return READ_ONCE(sk->sk_err) || sk->sk_state == TCP_CLOSE;
}

/* Is there more than what has been peeked already? */
bool input_ready(const struct tux_req *req)
{
	return input_pending(req) > req->header_length || input_ended(req);
}

bool output_ready(const struct tux_req *req)
{
	return sk_stream_is_writeable(req->sock->sk) || output_failed(req);
}

/* The receive call stops before an urgent byte; to HTTP it is a byte as any other. */
static void forget_urgent_mark(struct sock *sk)
{
	lock_sock(sk);
	tcp_sk(sk)->urg_data = 0;
	release_sock(sk);
}

/**
 * peek_input() - look at the input without taking it
 * @req: the request
 * @buf: takes the bytes
 * @size: of @buf
 *
 * Return: bytes; 0 at the end of the input; -EAGAIN if there is none yet; or another error.
 */
int peek_input(struct tux_req *req, char *buf, unsigned int size)
{
	struct kvec vec = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { 0 };

	if (unlikely(READ_ONCE(tcp_sk(req->sock->sk)->urg_data)))
		forget_urgent_mark(req->sock->sk);
	return kernel_recvmsg(req->sock, &msg, &vec, 1, size, MSG_PEEK | MSG_DONTWAIT);
}

/**
 * consume_input() - take bytes off the input unseen
 * @req: the request
 * @size: bytes; no more than have been peeked
 *
 * Return: bytes taken, or an error.
 */
int consume_input(struct tux_req *req, unsigned int size)
{
	struct msghdr msg = { 0 };

	iov_iter_kvec(&msg.msg_iter, ITER_DEST, NULL, 0, size);
	return sock_recvmsg(req->sock, &msg, MSG_TRUNC | MSG_DONTWAIT);
}

/**
 * send_page() - send a part of a page by reference
 * @req: the request
 * @page: the page
 * @offset: of the part in the page
 * @size: of the part
 * @more: do not send a short segment now; something follows, be it only the end
 *
 * Return: bytes that the socket took; -EAGAIN if it is full; or another error.
 */
int send_page(struct tux_req *req, struct page *page, unsigned int offset, unsigned int size,
	      bool more)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);

	return kernel_sendpage(req->sock, page, offset, size, flags);
}

/* Let the release of the socket reset the connection. */
void reset_on_close(struct tux_req *req)
{
	sock_no_linger(req->sock->sk);
}

__be32 peer_address(const struct tux_req *req)
{
	return inet_sk(req->sock->sk)->inet_daddr;
}
