/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYNs that wait, first in first out, in a ring of fixed size.
 *
 * Of a SYN only what cannot be made again is kept: on i386 one line of L2. The ring knows nothing
 * of sockets, so that its tests run in user space.
 *
 * Context: any; the caller has a lock.
 */
#ifndef _TUX_SYN_QUEUE_H
#define _TUX_SYN_QUEUE_H

#ifdef __KERNEL__
#include <linux/types.h>
#endif

#define TUX_SYN_HEADER	40	/* a TCP header with 20 bytes of options */

/**
 * struct tux_syn - a SYN
 * @source: whose it is
 * @destination: our address
 * @route: how it came, with a reference; opaque here
 * @isn: the sequence number to answer with, if it revives a connection in TIME_WAIT; else 0
 * @since: time of its arrival, in ticks that may wrap
 * @dsfield: DSCP and ECN of its IP header
 * @length: of @header that are used
 * @header: TCP's
 */
struct tux_syn {
	__be32 source;
	__be32 destination;
	void *route;
	u32 isn;
	u32 since;
	u8 dsfield;
	u8 length;
	u8 header[TUX_SYN_HEADER];
};

/**
 * struct tux_syn_queue - the ring
 * @slots: @size of them
 * @size: a power of two
 * @head: the oldest; runs on, and wraps
 * @tail: where the next one goes
 */
struct tux_syn_queue {
	struct tux_syn *slots;
	u32 size;
	u32 head;
	u32 tail;
};

static inline u32 tux_syn_queue_length(const struct tux_syn_queue *queue)
{
	return queue->tail - queue->head;
}

/* Return: a place for one more SYN, which then is in the queue; NULL: there is none. */
static inline struct tux_syn *tux_syn_queue_append(struct tux_syn_queue *queue)
{
	if (tux_syn_queue_length(queue) >= queue->size)
		return NULL;
	return &queue->slots[queue->tail++ & (queue->size - 1)];
}

/* Return: the SYN that has waited longest; NULL: there is none. */
static inline const struct tux_syn *tux_syn_queue_first(const struct tux_syn_queue *queue)
{
	if (!tux_syn_queue_length(queue))
		return NULL;
	return &queue->slots[queue->head & (queue->size - 1)];
}

/* Take the SYN that has waited longest. Return: it, until another one comes; NULL: none waits. */
static inline const struct tux_syn *tux_syn_queue_take(struct tux_syn_queue *queue)
{
	const struct tux_syn *first = tux_syn_queue_first(queue);

	if (first)
		queue->head++;
	return first;
}

/* Return: has the oldest SYN waited for @limit ticks at the time @now? */
static inline bool tux_syn_queue_overdue(const struct tux_syn_queue *queue, u32 now, u32 limit)
{
	const struct tux_syn *first = tux_syn_queue_first(queue);

	return first && now - first->since >= limit;
}

#endif /* _TUX_SYN_QUEUE_H */
