// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler's policies (section 4.5 of the paper), chosen when the module is loaded:
 *
 * fifo (stock): accept all there is, then run stages in the order in which requests became
 *	runnable, until none is.
 * bounded-accept: as fifo, but accept only while fewer than accept_limit requests are busy. When
 *	nothing else can run, one more is accepted: slow clients do not shut others out.
 * multi-accept: as fifo, but accept no more than accept_limit at a time.
 * cohort: go from stage to stage; all requests that are at a stage when the scheduler comes there
 *	have a turn before it goes on. Accept is the first stage.
 * stingy: go from stage to stage by these priorities, and ask the allocator (query.c):
 *	(i)   stages behind the last allocation of a request: such requests need no more memory,
 *	      and give some back. The latest first, and finish_limit at a time, so that a portion
 *	      goes on to its end before the next one begins.
 *	(iii) stages for which there is memory, for no more requests than fit, in cohort order;
 *	      earlier stages have more turns in each round of credits. Accept is one of them.
 *	(ii)  only if there is no other: one request of the latest stage, though memory is short.
 *
 * No request starves. By stage, a request that has waited for more than `patience` turns is
 * overdue, and the longest waiting overdue request is next, whatever its stage. So with k requests
 * queued no later than itself, a request has its turn after at most
 *
 *	patience + v + k + 1
 *
 * turns: the last visit chosen before it is overdue, the k, and one accept. v is visit_limit, or
 * with stingy the credits of accept in a round, if they are more. Likewise a connection is accepted
 * at least once in patience + visit_limit + (number of overdue requests) turns. With the other
 * policies a request waits for the k before it, and for what is accepted meanwhile.
 *
 * While there is memory for all, the order of stingy is that of cohort, which is stock's but for
 * requests that become runnable in between. To go back to the earliest stage instead, as soon as
 * something is there, would make those who came first wait for each that comes later.
 *
 * A visit fetches the code of its stage once, for all of its requests, and a large one their data
 * twice: visit_limit keeps a batch small enough to find again what the stage before has touched. It
 * does not hold for accept with stingy. How many are alive is for the query to say, and for nothing
 * else.
 *
 * A crowd that a closed loop keeps in step is served at once, and then the machine is idle until
 * its peers come back. finish_limit, smaller than such a crowd, lets the first replies out while
 * the rest is still worked at. A smaller one keeps the machine busier still, but then the rest
 * waits for the receive work of those who have come back already.
 *
 * Patience has to be far above what a request waits that nothing is wrong with, which is a turn at
 * each stage for each request alive: the overdue go one by one, and a patience that binds bounds
 * the requests alive in place of the query.
 *
 * Requests leave their queue together, under the lock once, and have their turns one by one from
 * the batch that they then are, which only the thread itself touches. What comes meanwhile waits in
 * the queue, and what has had no turn when a visit ends goes back to the head of it: so the order
 * is the one in which they were queued, as if each were taken by itself.
 *
 * Where this differs from the paper: it gives no weights, no bound on waiting, and no rule for the
 * order within a priority; these are ours.
 *
 * Context: queue_request() under the thread's lock, softirq included; the rest in the fast thread.
 */
#include "tux.h"
#include "choice.h"

/* The largest value of what is multiplied with a number of stages, or is part of a sum of turns. */
#define MOST_TURNS	65536

enum policy {
	POLICY_FIFO,
	POLICY_COHORT,
	POLICY_STINGY,
	POLICY_BOUNDED_ACCEPT,
	POLICY_MULTI_ACCEPT,
};

static const char * const policy_names[] = {
	[POLICY_FIFO] = "fifo",
	[POLICY_COHORT] = "cohort",
	[POLICY_STINGY] = "stingy",
	[POLICY_BOUNDED_ACCEPT] = "bounded-accept",
	[POLICY_MULTI_ACCEPT] = "multi-accept",
};

/* The atom that stands for each stage; a runnable request without any is flushed. */
static tux_atom_t * const stage_atoms[TUX_NR_STAGES] = {
	[TUX_STAGE_parse] = parse_request,
	[TUX_STAGE_process] = process_message,
	[TUX_STAGE_redirect] = redirect_request,
	[TUX_STAGE_send_abuf] = send_abuf,
	[TUX_STAGE_post_header] = post_header,
	[TUX_STAGE_send_body] = send_body,
	[TUX_STAGE_linger] = linger_close,
};

DEFINE_STATIC_KEY_FALSE(tux_by_stage);
static DEFINE_STATIC_KEY_FALSE(accept_limited);
static struct tux_choice policy = { policy_names, ARRAY_SIZE(policy_names), POLICY_FIFO };
static unsigned int accept_limit = 64;
static unsigned int patience = 4096;
static unsigned int visit_limit = 64;
static unsigned int finish_limit = 36;
static unsigned int stage_credits = 1024;

static int set_policy(const char *value, const struct kernel_param *param)
{
	int ret = tux_set_choice(value, param);

	if (ret)
		return ret;
	if (policy.chosen == POLICY_COHORT || policy.chosen == POLICY_STINGY)
		static_branch_enable(&tux_by_stage);
	else
		static_branch_disable(&tux_by_stage);
	if (policy.chosen == POLICY_BOUNDED_ACCEPT || policy.chosen == POLICY_MULTI_ACCEPT)
		static_branch_enable(&accept_limited);
	else
		static_branch_disable(&accept_limited);
	return 0;
}

static int set_count(const char *value, const struct kernel_param *param)
{
	return param_set_uint_minmax(value, param, 1, INT_MAX);
}

static int set_turns(const char *value, const struct kernel_param *param)
{
	return param_set_uint_minmax(value, param, 1, MOST_TURNS);
}

static const struct kernel_param_ops policy_ops = {
	.set = set_policy,
	.get = tux_get_choice,
};

static const struct kernel_param_ops count_ops = {
	.set = set_count,
	.get = param_get_uint,
};

static const struct kernel_param_ops turns_ops = {
	.set = set_turns,
	.get = param_get_uint,
};

module_param_cb(policy, &policy_ops, &policy, 0444);
MODULE_PARM_DESC(policy, "who runs next: fifo, cohort, stingy, bounded-accept, multi-accept");
module_param_cb(accept_limit, &count_ops, &accept_limit, 0444);
MODULE_PARM_DESC(accept_limit,
		 "busy requests (bounded-accept), connections at a time (multi-accept)");
module_param_cb(patience, &count_ops, &patience, 0444);
MODULE_PARM_DESC(patience, "turns that a request waits before it goes first (cohort, stingy)");
module_param_cb(visit_limit, &turns_ops, &visit_limit, 0444);
MODULE_PARM_DESC(visit_limit, "turns of a visit to a stage at most (cohort; stingy, but for accept)");
module_param_cb(finish_limit, &turns_ops, &finish_limit, 0444);
MODULE_PARM_DESC(finish_limit,
		 "turns of a visit to a stage behind the last allocation at most (stingy)");
module_param_cb(stage_credits, &turns_ops, &stage_credits, 0444);
MODULE_PARM_DESC(stage_credits,
		 "turns in a round for each stage between one and the end of the request (stingy)");

/**
 * tux_schedule_init() - nothing is runnable
 * @schedule: zeroed
 */
void tux_schedule_init(struct tux_schedule *schedule)
{
	unsigned int stage;

	INIT_LIST_HEAD(&schedule->work);
	INIT_LIST_HEAD(&schedule->batch);
	for (stage = 0; stage < TUX_NR_STAGES; stage++)
		INIT_LIST_HEAD(&schedule->stages[stage]);
}

/* Is there a request that has work to do? */
bool is_runnable(const struct tux_thread *thread)
{
	const struct tux_schedule *schedule = &thread->schedule;

	if (static_branch_unlikely(&tux_by_stage))
		return READ_ONCE(schedule->occupied);
	return !list_empty(&schedule->batch) || !list_empty(&schedule->work);
}

/* Where those of a stage go to is mostly the same: ask first for what was found last. */
static enum tux_stage find_stage(struct tux_schedule *schedule, const struct tux_req *req)
{
	enum tux_stage *guess = &schedule->following[schedule->visited];
	tux_atom_t *atom;
	unsigned int stage;

	if (!req->nr_atoms)
		return TUX_STAGE_flush;
	atom = req->atoms[req->nr_atoms - 1];
	if (likely(stage_atoms[*guess] == atom))
		return *guess;
	for (stage = TUX_STAGE_parse; stage < TUX_STAGE_linger; stage++)
		if (stage_atoms[stage] == atom)
			break;
	*guess = stage;
	return stage;
}

static void queue_at_stage(struct tux_schedule *schedule, struct tux_req *req)
{
	enum tux_stage stage = find_stage(schedule, req);
	struct list_head *queue = &schedule->stages[stage];

	if (list_empty(queue)) {
		WRITE_ONCE(schedule->since[stage], req->queued);
		WRITE_ONCE(schedule->occupied, schedule->occupied | BIT(stage));
	}
	list_add_tail(&req->list, queue);
	WRITE_ONCE(schedule->lengths[stage], schedule->lengths[stage] + 1);
}

/**
 * queue_request() - a request becomes runnable
 * @req: is on no list; the lock of its thread is held
 */
void queue_request(struct tux_req *req)
{
	struct tux_schedule *schedule = &req->thread->schedule;

	req->queued = READ_ONCE(schedule->turns);
	if (static_branch_unlikely(&tux_by_stage))
		queue_at_stage(schedule, req);
	else
		list_add_tail(&req->list, &schedule->work);
}

/* The next request of the batch has its turn. Return: which; NULL if there is none. */
static struct tux_req *give_turn(struct tux_schedule *schedule)
{
	struct tux_req *req = list_first_entry_or_null(&schedule->batch, struct tux_req, list);
	unsigned int wait;

	if (!req)
		return NULL;
	list_del_init(&req->list);
	wait = schedule->turns - req->queued;
	if (unlikely(wait > schedule->longest_wait))
		WRITE_ONCE(schedule->longest_wait, wait);
	WRITE_ONCE(schedule->turns, schedule->turns + 1);
	return req;
}

/* All that is in the one queue is the next batch. */
static void take_work(struct tux_thread *thread)
{
	struct tux_schedule *schedule = &thread->schedule;

	spin_lock_bh(&thread->lock);
	list_splice_tail_init(&schedule->work, &schedule->batch);
	spin_unlock_bh(&thread->lock);
}

/**
 * elect_request() - whose turn it is, unless requests wait by stage
 * @thread: owns the requests
 *
 * Return: the request, on no list any more; NULL if none is runnable.
 */
struct tux_req *elect_request(struct tux_thread *thread)
{
	if (list_empty(&thread->schedule.batch))
		take_work(thread);
	return give_turn(&thread->schedule);
}

/* All that wait at a stage are the next batch. */
static void take_stage(struct tux_thread *thread, enum tux_stage stage)
{
	struct tux_schedule *schedule = &thread->schedule;

	spin_lock_bh(&thread->lock);
	schedule->visited = stage;
	list_splice_tail_init(&schedule->stages[stage], &schedule->batch);
	schedule->batch_length = schedule->lengths[stage];
	WRITE_ONCE(schedule->lengths[stage], 0);
	WRITE_ONCE(schedule->occupied, schedule->occupied & ~BIT(stage));
	spin_unlock_bh(&thread->lock);
}

/* What has had no turn is first at its stage again. */
static void give_back_stage(struct tux_thread *thread, enum tux_stage stage)
{
	struct tux_schedule *schedule = &thread->schedule;
	const struct tux_req *first;

	if (list_empty(&schedule->batch))
		return;
	first = list_first_entry(&schedule->batch, struct tux_req, list);
	spin_lock_bh(&thread->lock);
	WRITE_ONCE(schedule->since[stage], first->queued);
	WRITE_ONCE(schedule->lengths[stage], schedule->lengths[stage] + schedule->batch_length);
	WRITE_ONCE(schedule->occupied, schedule->occupied | BIT(stage));
	list_splice_init(&schedule->batch, &schedule->stages[stage]);
	spin_unlock_bh(&thread->lock);
}

/**
 * elect_at_stage() - whose turn it is at a stage
 * @thread: owns the requests
 * @stage: the stage of the present visit
 *
 * Return: the request, on no list any more; NULL if none is at the stage.
 */
struct tux_req *elect_at_stage(struct tux_thread *thread, enum tux_stage stage)
{
	struct tux_schedule *schedule = &thread->schedule;
	struct tux_req *req;

	if (list_empty(&schedule->batch))
		take_stage(thread, stage);
	req = give_turn(schedule);
	if (req)
		schedule->batch_length--;
	return req;
}

/* Of the stages in @mask the one whose first request has waited longest. */
static enum tux_stage find_longest_waiting(const struct tux_schedule *schedule, unsigned long mask,
					   unsigned int *wait)
{
	enum tux_stage oldest = TUX_STAGE_accept;

	*wait = 0;
	for (; mask; mask &= mask - 1) {
		unsigned int stage = __ffs(mask);
		unsigned int since = stage == TUX_STAGE_accept ? schedule->accept_turn :
				     READ_ONCE(schedule->since[stage]);

		if (schedule->turns - since >= *wait) {
			*wait = schedule->turns - since;
			oldest = stage;
		}
	}
	return oldest;
}

/* Turns for which there is work at a stage; how many wait for accept is not known. */
static unsigned int count_waiting(const struct tux_schedule *schedule, unsigned int stage)
{
	if (stage == TUX_STAGE_accept)
		return UINT_MAX;
	return READ_ONCE(schedule->lengths[stage]);
}

/* Turns of a visit, as far as memory is no question. How many are accepted is memory's alone. */
static unsigned int limit_turns(const struct tux_schedule *schedule, unsigned int stage)
{
	unsigned int waiting = count_waiting(schedule, stage);

	return stage == TUX_STAGE_accept ? waiting : min(waiting, visit_limit);
}

/* Of @mask, which is not 0, the next stage behind @stage; behind the last comes the first. */
static unsigned int find_next_stage(unsigned long mask, unsigned int stage)
{
	unsigned long later = mask & ~(BIT(stage + 1) - 1);

	return __ffs(later ? : mask);
}

/* The present cohort, or else that of the next stage. */
static struct tux_visit choose_cohort(struct tux_schedule *schedule, unsigned long occupied)
{
	if (!schedule->left || !(occupied & BIT(schedule->stage))) {
		schedule->stage = find_next_stage(occupied, schedule->stage);
		schedule->left = count_waiting(schedule, schedule->stage);
	}
	return (struct tux_visit){ schedule->stage, min(schedule->left, visit_limit) };
}

static void refill_credits(struct tux_schedule *schedule)
{
	unsigned int stage;

	for (stage = 0; stage < TUX_STAGE_flush; stage++)
		schedule->credits[stage] = stage_credits * (TUX_STAGE_flush - stage);
}

/* The next stage in @mask that has memory and credit; @fitting: those that have memory. */
static struct tux_visit choose_fitting(struct tux_schedule *schedule, unsigned long mask,
				       unsigned long *fitting)
{
	unsigned int stage = schedule->stage;

	*fitting = 0;
	for (; mask; mask &= ~BIT(stage)) {
		unsigned int room;

		stage = find_next_stage(mask, stage);
		room = tux_query(stage);
		if (!room)
			continue;
		*fitting |= BIT(stage);
		room = min3(room, schedule->credits[stage], limit_turns(schedule, stage));
		if (room)
			return (struct tux_visit){ stage, room };
	}
	return (struct tux_visit){ TUX_STAGE_accept, 0 };
}

static struct tux_visit choose_by_memory(struct tux_schedule *schedule, unsigned long occupied)
{
	unsigned int latest = __fls(occupied);
	unsigned long fitting = occupied;
	struct tux_visit visit;

	if (tux_holds_all(latest)) {				/* priority (i) */
		unsigned int turns = limit_turns(schedule, latest);

		return (struct tux_visit){ latest, min(turns, finish_limit) };
	}
	visit = choose_fitting(schedule, occupied, &fitting);	/* priority (iii) */
	if (!visit.turns && fitting) {
		refill_credits(schedule);
		visit = choose_fitting(schedule, fitting, &fitting);
	}
	if (visit.turns) {
		schedule->stage = visit.stage;
		return visit;
	}
	WRITE_ONCE(schedule->short_of_memory, schedule->short_of_memory + 1);	/* priority (ii) */
	return (struct tux_visit){ latest, 1 };
}

/**
 * choose_visit() - where the scheduler goes next; by stage only
 * @thread: whose
 *
 * Return: a stage, accept included, and how many turns it gets there.
 */
struct tux_visit choose_visit(struct tux_thread *thread)
{
	struct tux_schedule *schedule = &thread->schedule;
	unsigned long occupied = READ_ONCE(schedule->occupied);
	enum tux_stage oldest;
	unsigned int wait;

	if (accept_possible(thread))
		occupied |= BIT(TUX_STAGE_accept);
	else
		schedule->accept_turn = schedule->turns;
	if (!occupied)
		return (struct tux_visit){ TUX_STAGE_accept, 0 };
	WRITE_ONCE(schedule->visits, schedule->visits + 1);
	oldest = find_longest_waiting(schedule, occupied, &wait);
	if (unlikely(wait > patience)) {
		WRITE_ONCE(schedule->overdue, schedule->overdue + 1);
		return (struct tux_visit){ oldest, 1 };
	}
	if (policy.chosen == POLICY_STINGY)
		return choose_by_memory(schedule, occupied);
	return choose_cohort(schedule, occupied);
}

/**
 * end_visit() - a visit is over
 * @thread: whose
 * @visit: as chosen
 * @turns: how many turns were taken: fewer if there were not enough requests
 */
void end_visit(struct tux_thread *thread, struct tux_visit visit, unsigned int turns)
{
	struct tux_schedule *schedule = &thread->schedule;
	unsigned int *credit = &schedule->credits[visit.stage];

	give_back_stage(thread, visit.stage);
	if (visit.stage == TUX_STAGE_accept)
		schedule->accept_turn = schedule->turns;
	/* One that came to nothing counts too, or it would be chosen for ever. */
	*credit -= min(*credit, max(turns, 1U));
	if (visit.stage == schedule->stage)
		schedule->left -= turns ? min(schedule->left, turns) : schedule->left;
}

/**
 * accept_quota() - how many connections may be accepted now; unless by stage
 * @thread: would own them; it has just run all that was runnable, or for long
 */
unsigned int accept_quota(const struct tux_thread *thread)
{
	unsigned int busy = thread->nr_live - READ_ONCE(thread->nr_idle);

	if (thread->draining)
		return 0;
	if (!static_branch_unlikely(&accept_limited))
		return UINT_MAX;
	if (policy.chosen == POLICY_MULTI_ACCEPT)
		return accept_limit;
	return busy < accept_limit ? accept_limit - busy : 1;
}
