// SPDX-License-Identifier: GPL-2.0-only
/*
 * A student's policy of lab 5 as the scheduler of TUX: tells it what it may know, checks what it
 * answers.
 *
 * Two functions are called choose_visit(): TUX's, which is compiled under another name here and
 * never called, and the policy's, which is called policy_visit() below.
 *
 * Where this differs from the lab's simulated server: how many connections wait for accept is not
 * known, so it is a whole visit's worth or none; and turns go on being counted from one load to
 * the next.
 *
 * Context: the fast thread.
 */
#include "tux.h"
#define choose_visit policy_visit
#include "policy.h"
#undef choose_visit

static unsigned int patience_turns = 4096;
static unsigned int illegal;

module_param(patience_turns, uint, 0444);
MODULE_PARM_DESC(patience_turns, "what policy_init() is told");
module_param(illegal, uint, 0444);
MODULE_PARM_DESC(illegal, "visits of the policy that could not be");

static_assert(TUX_NR_STAGES <= MAX_STAGES);

static void fill_stage(struct view *view, const struct tux_schedule *schedule, unsigned int stage)
{
	unsigned int since = READ_ONCE(schedule->since[stage]);

	view->waiting[stage] = READ_ONCE(schedule->lengths[stage]);
	view->oldest[stage] = view->waiting[stage] ? schedule->turns - since : 0;
	view->room[stage] = tux_query(stage);
	view->holds_all[stage] = tux_holds_all(stage);
}

static bool fill_view(struct view *view, struct tux_thread *thread)
{
	struct tux_schedule *schedule = &thread->schedule;
	bool any = accept_possible(thread);
	unsigned int stage;

	view->turn = schedule->turns;
	for (stage = TUX_STAGE_accept + 1; stage < TUX_NR_STAGES; stage++) {
		fill_stage(view, schedule, stage);
		any |= view->waiting[stage];
	}
	view->waiting[TUX_STAGE_accept] = accept_possible(thread) ? VISIT_LIMIT : 0;
	if (!view->waiting[TUX_STAGE_accept])
		schedule->accept_turn = schedule->turns;
	view->oldest[TUX_STAGE_accept] = schedule->turns - schedule->accept_turn;
	view->room[TUX_STAGE_accept] = tux_query(TUX_STAGE_accept);
	view->holds_all[TUX_STAGE_accept] = false;
	return any;
}

static bool is_legal(const struct view *view, struct visit visit)
{
	return visit.stage < TUX_NR_STAGES && view->waiting[visit.stage] && visit.turns &&
	       visit.turns <= VISIT_LIMIT;
}

/* Any stage at which something waits. */
static unsigned int find_any(const struct view *view)
{
	unsigned int stage = TUX_NR_STAGES - 1;

	while (stage && !view->waiting[stage])
		stage--;
	return stage;
}

struct tux_visit choose_visit(struct tux_thread *thread)
{
	static bool started;
	static struct view view;
	struct visit visit;

	if (!started)
		policy_init(TUX_NR_STAGES, patience_turns);
	started = true;
	if (!fill_view(&view, thread))
		return (struct tux_visit){ TUX_STAGE_accept, 0 };
	visit = policy_visit(&view);
	if (!is_legal(&view, visit)) {
		pr_notice_once("tux: no visit: stage %u, %u turns\n", visit.stage, visit.turns);
		illegal++;
		visit = (struct visit){ find_any(&view), 1 };
	}
	thread->schedule.visits++;
	return (struct tux_visit){ visit.stage, visit.turns };
}
