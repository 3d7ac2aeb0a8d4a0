/* SPDX-License-Identifier: MIT */
/* Your policy: see policy.h for what is known, README.md for what is wanted. */
#include "policy.h"

void policy_init(uint32_t nr_stages, uint32_t patience)
{
	(void)nr_stages;
	(void)patience;
}

struct visit choose_visit(const struct view *view)
{
	(void)view;
	return (struct visit){ 0, 0 };
}
