// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells where TCP keeps count of the connections of a listening socket
 *
 * A read of /proc/net/ledger lists words of memory, "PART SIGN ADDRESS" a line:
 * the sum of a part's words, each added or subtracted, modulo 2^32, says how
 * many connections stand there. Addresses are physical, so that the emulator
 * can read the words without the guest's help (`mark parts`). The server must
 * be listening, and stay so.
 *
 *	handshake	have a request sock: their SYN is answered, their ACK
 *			is not here yet
 *	accept_queue	established, and nobody has accepted them
 *	accepted	have a socket of the server's
 *	closing		the server has closed them, but its FIN is not acknowledged
 *	syn_drops	no connections, but SYNs that were dropped so far
 *
 * All but the first two are counted for TCP as a whole, listening sockets
 * included: they are right but for a constant as long as no other TCP
 * connection and no listening socket comes or goes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

static ushort port = 80;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "where the server listens");

static phys_addr_t find_physical(const void *word)
{
	if (is_vmalloc_addr(word))
		return page_to_phys(vmalloc_to_page(word)) + offset_in_page(word);
	return virt_to_phys((void *)word);
}

static void show_word(struct seq_file *file, const char *part, char sign, const void *word)
{
	phys_addr_t address = find_physical(word);

	seq_printf(file, "%s %c %pa\n", part, sign, &address);
}

/*
 * TCP has no counter for dropped SYNs alone. Both its ListenDrops and the
 * listening socket's own drops also count an ACK that found the accept queue
 * full, the socket's twice (tcp_v4_syn_recv_sock(), then tcp_v4_rcv()). And the
 * socket's alone count an ACK that TCP_DEFER_ACCEPT ignores and a client's reset
 * of its handshake, which have counters of their own, and a SYN that is repeated
 * although it was answered, which the wire shows.
 */
static void show_syn_drops(struct seq_file *file, const struct sock *sk)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct linux_mib *counters = per_cpu_ptr(init_net.mib.net_statistics, cpu);

		show_word(file, "syn_drops", '+', &counters->mibs[LINUX_MIB_LISTENDROPS]);
		show_word(file, "syn_drops", '+', &counters->mibs[LINUX_MIB_LISTENDROPS]);
		show_word(file, "syn_drops", '+', &counters->mibs[LINUX_MIB_TCPDEFERACCEPTDROP]);
		show_word(file, "syn_drops", '+', &counters->mibs[LINUX_MIB_EMBRYONICRSTS]);
	}
	show_word(file, "syn_drops", '-', &sk->sk_drops);
}

static void show_listener(struct seq_file *file, const struct sock *sk)
{
	show_word(file, "handshake", '+', &inet_csk(sk)->icsk_accept_queue.qlen);
	show_word(file, "accept_queue", '+', &sk->sk_ack_backlog);
	show_word(file, "accepted", '-', &sk->sk_ack_backlog);
	show_syn_drops(file, sk);
}

static void show_all_sockets(struct seq_file *file)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct prot_inuse *used = per_cpu_ptr(init_net.core.prot_inuse, cpu);
		const unsigned int *orphans = per_cpu_ptr(&tcp_orphan_count, cpu);

		show_word(file, "accepted", '+', &used->val[tcp_prot.inuse_idx]);
		show_word(file, "accepted", '-', orphans);
		show_word(file, "closing", '+', orphans);
	}
}

static int show_ledger(struct seq_file *file, void *unused)
{
	const struct sock *sk;

	rcu_read_lock();
	sk = __inet_lookup_listener(&init_net, &tcp_hashinfo, NULL, 0, htonl(INADDR_LOOPBACK), 0,
				    htonl(INADDR_LOOPBACK), port, 0, 0);
	if (sk)
		show_listener(file, sk);
	rcu_read_unlock();
	if (!sk)
		return -ENOTCONN;
	show_all_sockets(file);
	return 0;
}

static int __init ledger_init(void)
{
	if (!proc_create_single("ledger", 0444, init_net.proc_net, show_ledger))
		return -ENOMEM;
	return 0;
}

static void __exit ledger_exit(void)
{
	remove_proc_entry("ledger", init_net.proc_net);
}

module_init(ledger_init);
module_exit(ledger_exit);
MODULE_DESCRIPTION("Tells where TCP keeps count of connections");
MODULE_LICENSE("GPL");
