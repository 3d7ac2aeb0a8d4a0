// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handing an established connection to another server: it is put into the accept queue of the
 * socket that listens on net.tux.clientport, as if it had been established to that.
 *
 * Context: process; the fast thread that owns the request.
 */
#include "tux.h"
#include <net/inet_hashtables.h>
#include <net/inet_connection_sock.h>
#include <net/request_sock.h>

/* Who listens there, for the address that the client has reached? Referenced. */
static struct sock *find_listener(struct sock *sk)
{
	struct net *net = sock_net(sk);
	const struct inet_sock *inet = inet_sk(sk);
	struct sock *listener;

	rcu_read_lock();
	listener = inet_lookup_listener(net, net->ipv4.tcp_death_row.hashinfo, NULL, 0,
					inet->inet_daddr, inet->inet_dport, inet->inet_rcv_saddr,
					htons(tux_knobs.clientport), sk->sk_bound_dev_if, 0);
	if (listener && !refcount_inc_not_zero(&listener->sk_refcnt))
		listener = NULL;
	rcu_read_unlock();
	return listener;
}

/* Our own sockets must not be given to ourselves, nor those of IPv4 to a server for IPv6. */
static bool may_take(const struct sock *listener)
{
	return listener != tux_server.listener->sk && listener->sk_family == AF_INET &&
	       !sk_acceptq_is_full(listener);
}

/* The connection leaves its struct socket: accept() will give it another. */
static void detach(struct tux_req *req)
{
	struct sock *sk = req->sock->sk;

	unlink_socket(req);
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	sk->sk_wq = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
	req->sock->sk = NULL;
}

/* If the listener has just closed, the connection is closed on the way. */
static void enqueue(struct sock *listener, struct request_sock *entry, struct sock *sk)
{
	bool taken;

	tcp_rsk(entry)->tfo_listener = false;
	refcount_set(&entry->rsk_refcnt, 1);
	local_bh_disable();
	bh_lock_sock(sk);
	taken = inet_csk_reqsk_queue_add(listener, entry, sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	if (taken) {
		listener->sk_data_ready(listener);
	} else {
		sock_put(sk);
		reqsk_put(entry);
	}
}

/**
 * hand_over_connection() - give the connection away
 * @req: none of the input of its request was consumed
 *
 * Return: whether somebody took it; @req->sock is then an empty shell.
 */
bool hand_over_connection(struct tux_req *req)
{
	struct sock *sk = req->sock->sk;
	struct request_sock *entry = NULL;
	struct sock *listener = find_listener(sk);

	if (!listener)
		return false;
	if (may_take(listener))
		entry = inet_reqsk_alloc(listener->sk_prot->rsk_prot, listener, true);
	if (entry) {
		detach(req);
		enqueue(listener, entry, sk);
	}
	sock_put(listener);
	return entry;
}
