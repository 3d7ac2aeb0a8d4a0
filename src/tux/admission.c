// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission at the SYN: no connection is begun before there is room for it in the cache.
 *
 * Under load nearly all of a connection's life is waiting, and nearly all that it then keeps in
 * memory is TCP's: request sock, sock, buffers. Waiting costs nothing as long as it is a SYN that
 * waits. So while more connections are in work than fit the cache, new SYNs are kept in a queue,
 * each as 64 bytes, and answered in the order of their arrival as connections end. All other
 * packets go their way: an admitted connection runs to its end on memory that the one before has
 * just left in the cache.
 *
 * In work are connections from the answer to their SYN to the close, but for those that wait for
 * their peer: between two requests, for the rest of a head, for space to send. A client that does
 * not complete its handshake counts for a second (TCP's first timeout).
 *
 * Nor are more admitted than the allocator's query has room for.
 *
 * What a client may rely on:
 *  - A SYN waits for at most MAX_WAIT, less than the time after which its sender would repeat it.
 *  - No SYN is lost but when as many wait as are allowed to: then it is dropped, as a listening
 *    socket drops those for which its backlog is full, and counted likewise. More is offered than
 *    can be done, for long; who answered all the same would do nothing but shake hands.
 *  - No SYN waits for those who are slow or silent: a thread that has nothing to do admits a batch,
 *    whatever the count says, and there are more places for a while (tux_admit_when_idle()); and
 *    while the machine has been idle for a moment although SYNs wait, more are admitted even if
 *    nothing wakes the thread (look_at_queue()).
 *
 * The hook is the listening socket's own table of TCP operations, as SMC has it. Other sockets and
 * ports do not notice, and a kernel without admission has no code for it anywhere.
 *
 * Context: start and stop in process context; hold in softirq; tux_admit() in both.
 */
#include <linux/inetdevice.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/tick.h>
#include <linux/vmalloc.h>
#include <net/inet_hashtables.h>
#include "tux.h"
#include "syn_queue.h"

/*
 * RFC 6298: a SYN is repeated after a second. A server that takes 11,000 a second empties a full
 * queue of the default size meanwhile, so that none is overdue in it.
 */
#define MAX_WAIT	(HZ * 3 / 4)
#define MOST_WAITING	65536U	/* SYNs: 4 MiB */
#define MOST_EXTRA	3	/* times the slots */

static unsigned int slots;
module_param_named(admission, slots, uint, 0444);
MODULE_PARM_DESC(admission, "connections in work at a time; others wait as SYNs (0: no limit)");

static unsigned int batch = 8;
module_param_named(admission_batch, batch, uint, 0444);
MODULE_PARM_DESC(admission_batch, "SYNs answered together, whose code is fetched once");

static unsigned int queue_size = 8192;	/* half a MiB */

static int set_queue_size(const char *value, const struct kernel_param *param)
{
	unsigned int size;
	int ret = kstrtouint(value, 0, &size);

	if (ret)
		return ret;
	if (size > MOST_WAITING || !is_power_of_2(size))
		return -EINVAL;
	queue_size = size;
	return 0;
}

static const struct kernel_param_ops queue_size_ops = {
	.set = set_queue_size,
	.get = param_get_uint,
};

module_param_cb(admission_queue, &queue_size_ops, &queue_size, 0444);
MODULE_PARM_DESC(admission_queue, "SYNs that wait at most, a power of two; more are dropped");

static struct {
	spinlock_t lock;	/* guards the queue, @admitting, and the counters */
	struct tux_syn_queue queue;
	bool admitting;
	struct sock *listener;
	struct sk_buff *skb;	/* the one that is being answered; of who set @admitting */
	struct timer_list timer;
	unsigned int extra;	/* places beyond @slots, because peers are slow */
	u64 idle_us;	/* of all processors, at the last tick */
	unsigned long held;
	unsigned long passed;
	unsigned long dropped;
	unsigned long repeated;
	unsigned long overdue;
	unsigned long idle;
	unsigned long lent;
	unsigned int longest_wait;
} admission = { .lock = __SPIN_LOCK_UNLOCKED(admission.lock) };

static struct inet_connection_sock_af_ops operations;

/* Requests that TUX works on; those that wait for their peer do not count. */
static int count_requests(void)
{
	unsigned int i;
	int busy = 0;

	for (i = 0; i < READ_ONCE(tux_server.nr_threads); i++) {
		struct tux_thread *thread = tux_server.threads[i];

		busy += READ_ONCE(thread->nr_live) - READ_ONCE(thread->nr_idle) -
			READ_ONCE(thread->nr_waiting);
	}
	return busy;
}

/* How many connections more could be in work. */
static int count_room(void)
{
	const struct request_sock_queue *opening =
		&inet_csk(admission.listener)->icsk_accept_queue;

	return (int)(slots + admission.extra) - reqsk_queue_len_young(opening) -
	       (int)READ_ONCE(admission.listener->sk_ack_backlog) - count_requests();
}

/* May it wait? What is out of the ordinary does not: it is rare, and need not be kept then. */
static bool is_ordinary(const struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);

	return th->doff * 4 <= TUX_SYN_HEADER && skb->len == th->doff * 4 &&
	       ip_hdr(skb)->ihl == 5 && !skb->mark && !secpath_exists(skb);
}

/* Keep what is needed of @skb. Return: could it be kept? The lock is held. */
static bool append(struct sk_buff *skb)
{
	struct dst_entry *route = skb_dst(skb);
	struct tux_syn *syn;

	if (!dst_hold_safe(route))
		return false;
	syn = tux_syn_queue_append(&admission.queue);
	if (!syn) {
		dst_release(route);
		return false;
	}
	syn->source = ip_hdr(skb)->saddr;
	syn->destination = ip_hdr(skb)->daddr;
	syn->route = route;
	syn->isn = TCP_SKB_CB(skb)->tcp_tw_isn;
	syn->since = jiffies;
	syn->dsfield = ip_hdr(skb)->tos;
	syn->length = tcp_hdrlen(skb);
	memcpy(syn->header, tcp_hdr(skb), syn->length);
	return true;
}

/* It has to wait. Return: does it, or is it dropped? Else it is answered. The lock is held. */
static bool put_off(struct sk_buff *skb)
{
	if (tux_syn_queue_length(&admission.queue) == admission.queue.size) {
		admission.dropped++;
		tcp_listendrop(admission.listener);
		return true;
	}
	if (!append(skb)) {
		admission.passed++;
		return false;
	}
	admission.held++;
	if (!timer_pending(&admission.timer))
		mod_timer(&admission.timer, jiffies + 1);
	return true;
}

/* Return: is the SYN done with? A queue that is not empty has an order to keep. */
static bool hold(struct sk_buff *skb)
{
	bool done = false;

	spin_lock(&admission.lock);
	if (tux_syn_queue_length(&admission.queue) || count_room() <= 0)
		done = put_off(skb);
	spin_unlock(&admission.lock);
	return done;
}

/* TCP's listening socket has got a SYN. */
static int conn_request(struct sock *sk, struct sk_buff *skb)
{
	if (is_ordinary(skb) && hold(skb))
		return 0;
	return tcp_v4_conn_request(sk, skb);
}

/* New connections have TCP's own operations: they may live on when this module is gone. */
static struct sock *syn_recv_sock(const struct sock *sk, struct sk_buff *skb,
				  struct request_sock *req, struct dst_entry *dst,
				  struct request_sock *req_unhash, bool *own_req)
{
	struct sock *child = tcp_v4_syn_recv_sock(sk, skb, req, dst, req_unhash, own_req);

	if (child && inet_csk(child)->icsk_af_ops == &operations)
		inet_csk(child)->icsk_af_ops = &ipv4_specific;
	return child;
}

/* Make of a kept SYN what TCP expects: headers, control block, route. */
static void restore(struct sk_buff *skb, const struct tux_syn *syn)
{
	struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
	struct tcphdr *th;

	skb_trim(skb, 0);
	th = skb_put_data(skb, syn->header, syn->length);
	*ip_hdr(skb) = (struct iphdr) {
		.version = 4,
		.ihl = 5,
		.tos = syn->dsfield,
		.tot_len = htons(sizeof(struct iphdr) + syn->length),
		.ttl = 1,
		.protocol = IPPROTO_TCP,
		.saddr = syn->source,
		.daddr = syn->destination,
	};
	memset(cb, 0, sizeof(*cb));
	cb->seq = ntohl(th->seq);
	cb->end_seq = cb->seq + 1;
	cb->tcp_tw_isn = syn->isn;
	cb->tcp_flags = tcp_flag_byte(th);
	cb->ip_dsfield = syn->dsfield;
	skb_dst_set(skb, syn->route);
}

/* Is its connection there already? Then somebody has sent the SYN twice. */
static bool is_repeated(const struct tux_syn *syn)
{
	const struct tcphdr *th = (const struct tcphdr *)syn->header;
	struct sock *sk = __inet_lookup_established(sock_net(admission.listener), &tcp_hashinfo,
						    syn->source, th->source, syn->destination,
						    ntohs(th->dest), 0, 0);

	if (sk)
		sock_gen_put(sk);
	return sk;
}

/* The lock is held, but not while TCP answers: its place in the queue is another one's then. */
static void answer(const struct tux_syn *syn)
{
	struct sk_buff *skb = admission.skb;

	admission.longest_wait = max(admission.longest_wait, (u32)jiffies - syn->since);
	if (is_repeated(syn)) {
		admission.repeated++;
		dst_release(syn->route);
		return;
	}
	restore(skb, syn);
	spin_unlock(&admission.lock);
	rcu_read_lock();
	tcp_v4_conn_request(admission.listener, skb);
	rcu_read_unlock();
	skb_dst_drop(skb);
	spin_lock(&admission.lock);
}

/* Answer up to @number SYNs. The lock is held. */
static void answer_some(int number)
{
	const struct tux_syn *syn;

	if (admission.admitting)
		return;
	admission.admitting = true;
	while (number-- > 0 && (syn = tux_syn_queue_take(&admission.queue)))
		answer(syn);
	admission.admitting = false;
}

/**
 * tux_admit() - answer SYNs if there is room
 *
 * To be called when a connection has ended.
 */
void tux_admit(void)
{
	int room;

	if (!tux_syn_queue_length(&admission.queue))
		return;
	spin_lock_bh(&admission.lock);
	if (admission.listener) {
		room = count_room();
		if (room >= (int)batch)
			answer_some(min_t(unsigned int, room, tux_query(TUX_STAGE_accept)));
	}
	spin_unlock_bh(&admission.lock);
}

/**
 * tux_admit_when_idle() - answer SYNs although there is no room
 *
 * To be called when a thread has nothing to do: those in work all wait for their peers then, in
 * their handshakes for the most part, and the machine has time for others. The slower the peers,
 * the more connections it takes to keep the machine at work: so there are some places more from now
 * on, and fewer again with each tick (look_at_queue()).
 */
void tux_admit_when_idle(void)
{
	if (!tux_syn_queue_length(&admission.queue))
		return;
	spin_lock_bh(&admission.lock);
	if (admission.listener) {
		admission.idle++;
		admission.extra = min(admission.extra + batch, MOST_EXTRA * slots);
		answer_some(batch);
	}
	spin_unlock_bh(&admission.lock);
}

static u64 read_idle_time(void)
{
	u64 sum = 0;
	int cpu;

	for_each_online_cpu(cpu)
		sum += get_cpu_idle_time_us(cpu, NULL);
	return sum;
}

/*
 * While SYNs wait, once a tick: those that have waited too long are answered, and if the machine
 * was idle they are not what it has no room for.
 */
static void look_at_queue(struct timer_list *timer)
{
	u64 idle_us = read_idle_time();

	spin_lock(&admission.lock);
	while (!admission.admitting &&
	       tux_syn_queue_overdue(&admission.queue, jiffies, MAX_WAIT)) {
		admission.overdue++;
		answer_some(1);
	}
	if (admission.extra)
		admission.extra--;
	if (idle_us != admission.idle_us && tux_syn_queue_length(&admission.queue)) {
		admission.lent++;
		answer_some(slots);
	}
	admission.idle_us = idle_us;
	if (tux_syn_queue_length(&admission.queue))
		mod_timer(&admission.timer, jiffies + 1);
	spin_unlock(&admission.lock);
}

static int allocate(void)
{
	struct sk_buff *skb;

	admission.queue.slots = vzalloc(array_size(queue_size, sizeof(struct tux_syn)));
	skb = alloc_skb(MAX_TCP_HEADER, GFP_KERNEL);
	if (!admission.queue.slots || !skb) {
		kfree_skb(skb);
		vfree(admission.queue.slots);
		admission.queue.slots = NULL;
		return -ENOMEM;
	}
	skb_reserve(skb, sizeof(struct iphdr));
	skb_reset_transport_header(skb);
	skb_set_network_header(skb, -(int)sizeof(struct iphdr));
	admission.skb = skb;
	return 0;
}

/**
 * tux_admission_start() - let SYNs wait, if the administrator wants it
 * @listener: a socket that does not listen yet
 *
 * Return: 0, or an error.
 */
int tux_admission_start(struct sock *listener)
{
	int ret;

	if (!slots)
		return 0;
	ret = allocate();
	if (ret)
		return ret;
	admission.queue.size = queue_size;
	admission.extra = 0;
	admission.queue.head = 0;
	admission.queue.tail = 0;
	admission.listener = listener;
	timer_setup(&admission.timer, look_at_queue, 0);
	operations = ipv4_specific;
	operations.conn_request = conn_request;
	operations.syn_recv_sock = syn_recv_sock;
	inet_csk(listener)->icsk_af_ops = &operations;
	return 0;
}

/* Answer all that wait. Return: is nobody at it any more? */
static bool drain_queue(void)
{
	bool drained;

	spin_lock_bh(&admission.lock);
	answer_some(admission.queue.size);
	drained = !admission.admitting && !tux_syn_queue_length(&admission.queue);
	spin_unlock_bh(&admission.lock);
	return drained;
}

/**
 * tux_admission_stop() - no SYN waits any more
 *
 * Those that do are answered, as if they had never waited. Before the listening socket closes.
 */
void tux_admission_stop(void)
{
	if (!admission.listener)
		return;
	inet_csk(admission.listener)->icsk_af_ops = &ipv4_specific;
	synchronize_net();	/* no SYN is on its way to the queue */
	while (!drain_queue())
		cond_resched();
	del_timer_sync(&admission.timer);
	spin_lock_bh(&admission.lock);
	admission.listener = NULL;
	spin_unlock_bh(&admission.lock);
	kfree_skb(admission.skb);
	vfree(admission.queue.slots);
}

/* The SYNs that are held; NULL without admission. */
const struct tux_syn_queue *tux_admission_queue(void)
{
	return slots ? &admission.queue : NULL;
}

/* Lines for /proc/net/tux/stat; none without admission. */
void tux_admission_show(struct seq_file *file)
{
	if (!slots)
		return;
	spin_lock_bh(&admission.lock);
	seq_printf(file, "admission.slots %u\nadmission.extra %u\n", slots, admission.extra);
	seq_printf(file, "admission.room %d\nadmission.waiting %u\n",
		   admission.listener ? count_room() : 0,
		   tux_syn_queue_length(&admission.queue));
	seq_printf(file, "admission.held %lu\nadmission.passed %lu\nadmission.dropped %lu\n",
		   admission.held, admission.passed, admission.dropped);
	seq_printf(file, "admission.repeated %lu\nadmission.idle %lu\n", admission.repeated,
		   admission.idle);
	seq_printf(file, "admission.overdue %lu\nadmission.lent %lu\nadmission.longest_wait_ms %u\n",
		   admission.overdue, admission.lent,
		   jiffies_to_msecs(admission.longest_wait));
	spin_unlock_bh(&admission.lock);
}
