/* SPDX-License-Identifier: MIT */
/*
 * By stage: first the overdue, then requests that hold all their memory (the earliest stage, so
 * that a batch stays together), then stages for which there is room, from the first on; only if
 * there is no other, one request of the latest stage.
 */
#include "policy.h"

static uint32_t nr_stages, patience;

void policy_init(uint32_t stages, uint32_t turns)
{
	nr_stages = stages;
	patience = turns;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The request that has waited longest, if it is overdue; 0 if none is.  Connections wait outside. */
static uint32_t find_overdue(const struct view *view)
{
	uint32_t oldest = 0, wait = patience;

	for (uint32_t i = 1; i < nr_stages; i++)
		if (view->waiting[i] && view->oldest[i] > wait) {
			oldest = i;
			wait = view->oldest[i];
		}
	return oldest;
}

struct visit choose_visit(const struct view *view)
{
	uint32_t overdue = find_overdue(view), last = 0;

	if (overdue)
		return (struct visit){ overdue, 1 };
	for (uint32_t i = 0; i < nr_stages; i++)
		if (view->waiting[i] && view->holds_all[i])
			return (struct visit){ i, least(view->waiting[i], VISIT_LIMIT) };
	for (uint32_t i = 0; i < nr_stages; i++) {
		uint32_t turns = least(least(view->waiting[i], view->room[i]), VISIT_LIMIT);

		if (turns)
			return (struct visit){ i, turns };
		if (view->waiting[i])
			last = i;
	}
	return (struct visit){ last, 1 };
}
