// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atoms (stages), and the places where requests wait for theirs.
 *
 * add_tux_atom() says what is to be done, on the request's own LIFO stack. Where the request goes
 * is a separate act: add_req_to_workqueue() if it can go on, queue_cachemiss() (threads.c) if its
 * next atom may block, wait_for_event() if it needs the peer. After any of the three the caller
 * must not touch the request any more.
 *
 * Context: the first two anywhere; wait_for_event() in the fast thread that owns the request;
 * wake_tux_req() anywhere, softirq included.
 */
#include "tux.h"

/**
 * add_tux_atom() - push a stage
 * @req: the request
 * @atom: runs before those pushed earlier
 */
void add_tux_atom(struct tux_req *req, tux_atom_t *atom)
{
	if (WARN_ON_ONCE(req->nr_atoms == TUX_ATOM_DEPTH))
		return;
	req->atoms[req->nr_atoms++] = atom;
}

/**
 * tux_schedule_atom() - run the next stage
 * @req: the request; its stack is not empty
 * @cachemiss: 1 in a thread that may block on a disk, else 0
 */
void tux_schedule_atom(struct tux_req *req, int cachemiss)
{
	tux_atom_t *atom = req->atoms[--req->nr_atoms];

	atom(req, cachemiss);
}

/* The thread finds work when it looks next; wake it if it sleeps. The lock is held. */
static void rouse(struct tux_thread *thread)
{
	if (thread->asleep) {
		thread->asleep = false;
		wake_up_process(thread->task);
	}
}

void wake_tux_thread(struct tux_thread *thread)
{
	spin_lock_bh(&thread->lock);
	rouse(thread);
	spin_unlock_bh(&thread->lock);
}

/**
 * add_req_to_workqueue() - let a request go on
 * @req: is on no list
 */
void add_req_to_workqueue(struct tux_req *req)
{
	struct tux_thread *thread = req->thread;

	req->expired = false;
	spin_lock_bh(&thread->lock);
	trace_tux_queue(req);
	queue_request(req);
	rouse(thread);
	spin_unlock_bh(&thread->lock);
}

static bool has_happened(struct tux_req *req, unsigned int events)
{
	return ((events & TUX_WAIT_INPUT) && input_ready(req)) ||
	       ((events & TUX_WAIT_OUTPUT) && output_ready(req));
}

/**
 * wait_for_event() - go on when something has happened
 * @req: is on no list; its next atom is on its stack
 * @events: TUX_WAIT_INPUT, TUX_WAIT_OUTPUT, or 0 to wait for the time alone
 * @timeout: in jiffies, or 0 for no limit; @req->expired tells the atom that it ran out
 */
void wait_for_event(struct tux_req *req, unsigned int events, unsigned long timeout)
{
	struct tux_thread *thread = req->thread;

	spin_lock_bh(&thread->lock);
	req->expired = false;
	req->waiting = events;
	if (timeout) {
		req->waiting |= TUX_WAIT_TIME;
		req->timed = true;
		mod_timer(&req->timer, jiffies + timeout);
	}
	if (req->idle) {
		list_add_tail(&req->list, &thread->idle);
		WRITE_ONCE(thread->nr_idle, thread->nr_idle + 1);
	} else {
		list_add_tail(&req->list, &thread->waiting);
		WRITE_ONCE(thread->nr_waiting, thread->nr_waiting + 1);
	}
	spin_unlock_bh(&thread->lock);

	/* Pairs with the lock in wake_tux_req(): one of the two sees the other's write. */
	smp_mb();
	if (has_happened(req, events))
		wake_tux_req(req, events);
}

/* From waiting to runnable; the lock is held. */
static void make_runnable(struct tux_req *req)
{
	struct tux_thread *thread = req->thread;

	if (req->waiting & TUX_WAIT_TIME)
		del_timer(&req->timer);
	req->waiting = 0;
	if (req->idle)
		WRITE_ONCE(thread->nr_idle, thread->nr_idle - 1);
	else
		WRITE_ONCE(thread->nr_waiting, thread->nr_waiting - 1);
	trace_tux_queue(req);
	list_del_init(&req->list);
	queue_request(req);
	rouse(thread);
}

/**
 * wake_tux_req() - something has happened to a connection
 * @req: waits, perhaps
 * @events: what
 */
void wake_tux_req(struct tux_req *req, unsigned int events)
{
	struct tux_thread *thread = req->thread;

	spin_lock_bh(&thread->lock);
	if (req->waiting & events)
		make_runnable(req);
	spin_unlock_bh(&thread->lock);
}

/* The timer of a request. It may be late: the request may wait anew, for a later time, by now. */
void tux_req_timed_out(struct timer_list *timer)
{
	struct tux_req *req = from_timer(req, timer, timer);
	struct tux_thread *thread = req->thread;

	spin_lock_bh(&thread->lock);
	if ((req->waiting & TUX_WAIT_TIME) && time_after_eq(jiffies, timer->expires)) {
		req->expired = true;
		make_runnable(req);
	}
	spin_unlock_bh(&thread->lock);
}

/**
 * wake_all_reqs() - end the waits of a whole list
 * @thread: owns the requests
 * @list: its list of idle or of waiting requests
 * @limit: at most so many, the longest waiting first
 */
void wake_all_reqs(struct tux_thread *thread, struct list_head *list, unsigned int limit)
{
	struct tux_req *req, *next;

	spin_lock_bh(&thread->lock);
	list_for_each_entry_safe(req, next, list, list) {
		if (!limit--)
			break;
		req->expired = true;
		make_runnable(req);
	}
	spin_unlock_bh(&thread->lock);
}
