/* SPDX-License-Identifier: MIT */
/*
 * Talks with the simulated server: reads "STAGES PATIENCE", then a line for each choice: the turn,
 * and for each stage four numbers as in struct view.  Answers "STAGE TURNS".
 */
#include <stdio.h>

#include "policy.h"

static int read_view(struct view *view, unsigned int nr_stages)
{
	if (scanf("%u", &view->turn) != 1)
		return 0;
	for (unsigned int i = 0; i < nr_stages; i++) {
		unsigned int all;

		if (scanf("%u%u%u%u", &view->waiting[i], &view->oldest[i], &view->room[i],
			  &all) != 4)
			return 0;
		view->holds_all[i] = all;
	}
	return 1;
}

int main(void)
{
	struct view view = { 0 };
	unsigned int nr_stages, patience;

	if (scanf("%u%u", &nr_stages, &patience) != 2 || nr_stages > MAX_STAGES)
		return 2;
	policy_init(nr_stages, patience);
	while (read_view(&view, nr_stages)) {
		struct visit visit = choose_visit(&view);

		printf("%u %u\n", visit.stage, visit.turns);
		fflush(stdout);
	}
	return 0;
}
