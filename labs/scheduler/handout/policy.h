/* SPDX-License-Identifier: MIT */
/*
 * Who runs next in the event loop of a server.  You write policy.c; this file and main.c stay as
 * they are (the grader uses its own copies).
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_STAGES	16
#define VISIT_LIMIT	64

/*
 * What the event loop knows.  Stage 0 is accept: a turn there takes one connection in and makes a
 * request of it.  All times are in turns.
 */
struct view {
	uint32_t turn;			/* the turns so far */
	uint32_t waiting[MAX_STAGES];	/* runnable requests (0: connections) at each stage */
	uint32_t oldest[MAX_STAGES];	/* how long the first of them has waited */
	uint32_t room[MAX_STAGES];	/* the allocator's answer: for how many is there memory?
					 * UINT32_MAX: the stage allocates nothing */
	bool holds_all[MAX_STAGES];	/* requests here have all the memory they will need */
};

/* Up to @turns turns at @stage, each for the request there that has waited longest. */
struct visit {
	uint32_t stage, turns;
};

/* Called once.  No request shall wait much longer than @patience turns (see README.md). */
void policy_init(uint32_t nr_stages, uint32_t patience);

/*
 * Where the event loop goes next.  At least one stage has something that waits, and room for it:
 * else the event loop sleeps.  The visit must be to a stage where something waits, for 1 to
 * VISIT_LIMIT turns; it ends early if nothing is left there.
 */
struct visit choose_visit(const struct view *view);

#endif
