// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event loop: accept, run stages until none is runnable, sleep, repeat. Who comes next is the
 * policy's affair (schedule.c).
 *
 * By default all connections of a pass are accepted before the first one is parsed, all are parsed
 * before the first lookup, and so on: requests move through the stages as a cohort.
 *
 * Context: a fast thread (kernel thread without privileges); it must not wait for a disk.
 */
#include "tux.h"

/* A pass ends after this time even if requests are left, so that new connections get a turn. */
#define PASS_LIMIT	(HZ / 10 + 1)

/* A request has its turn. */
static void run_request(struct tux_thread *thread, struct tux_req *req)
{
	if (unlikely(thread->aborting))
		abort_request(req);
	else if (req->nr_atoms)
		tux_schedule_atom(req, 0);
	else
		flush_request(req);
	cond_resched();
}

/* Run one stage of every runnable request in turn. Return: how many stages ran. */
static int process_requests(struct tux_thread *thread)
{
	unsigned long end = jiffies + PASS_LIMIT;
	struct tux_req *req;
	int work = 0;

	while ((req = elect_request(thread))) {
		run_request(thread, req);
		work++;
		if (time_after(jiffies, end))
			break;
	}
	return work;
}

/* Go to one stage and run it for some of the requests there. Return: for how many. */
static int visit_stage(struct tux_thread *thread)
{
	struct tux_visit visit = choose_visit(thread);
	struct tux_req *req;
	int work = 0;

	if (!visit.turns)
		return 0;
	if (visit.stage == TUX_STAGE_accept) {
		work = accept_requests(thread, visit.turns);
	} else {
		while (work < visit.turns && (req = elect_at_stage(thread, visit.stage))) {
			run_request(thread, req);
			work++;
		}
	}
	end_visit(thread, visit, work);
	return work;
}

/* One pass. Return: how much was done; 0 if there is nothing to do now. */
static int serve(struct tux_thread *thread)
{
	int work;

	if (static_branch_unlikely(&tux_by_stage))
		return visit_stage(thread);
	work = accept_requests(thread, accept_quota(thread));
	return work + process_requests(thread);
}

static bool must_go_on(struct tux_thread *thread)
{
	return is_runnable(thread) || accept_possible(thread) ||
	       (kthread_should_stop() && !thread->draining);
}

/* While it drains, a thread also wakes to look at the clock. */
static void sleep_for_work(struct tux_thread *thread)
{
	bool go_on;

	tux_admit_when_idle();
	spin_lock_bh(&thread->lock);
	set_current_state(TASK_INTERRUPTIBLE);
	thread->asleep = true;
	spin_unlock_bh(&thread->lock);
	/* Pairs with the lock of those who add work: they see asleep, or this sees the work. */
	smp_mb();
	go_on = must_go_on(thread);
	if (!go_on)
		schedule_timeout(thread->draining ? HZ / 10 + 1 : MAX_SCHEDULE_TIMEOUT);
	__set_current_state(TASK_RUNNING);

	spin_lock_bh(&thread->lock);
	thread->asleep = false;
	spin_unlock_bh(&thread->lock);
}

/* Serve what has begun, for a while; idle connections end at once, the others at @end. */
static void drain(struct tux_thread *thread)
{
	unsigned long end = jiffies + tux_knobs.stop_timeout * HZ;

	thread->draining = true;
	while (thread->nr_live) {
		wake_all_reqs(thread, &thread->idle, UINT_MAX);
		if (time_after_eq(jiffies, end)) {
			thread->aborting = true;
			wake_all_reqs(thread, &thread->waiting, UINT_MAX);
		}
		if (!serve(thread))
			sleep_for_work(thread);
	}
}

/**
 * event_loop() - the life of a fast thread
 * @data: the thread
 */
int event_loop(void *data)
{
	struct tux_thread *thread = data;

	drop_privileges();
	tux_region_start();
	while (!kthread_should_stop()) {
		int work = serve(thread);

		cond_resched();
		if (!work)
			sleep_for_work(thread);
	}
	drain(thread);
	tux_region_stop();
	return 0;
}
