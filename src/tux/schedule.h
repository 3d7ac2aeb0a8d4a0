/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs next: the policies of the event loop (see schedule.c).
 */
#ifndef _TUX_SCHEDULE_H
#define _TUX_SCHEDULE_H

/* By stage: requests wait in a queue of their stage, else in one queue for all. */
DECLARE_STATIC_KEY_FALSE(tux_by_stage);

/**
 * struct tux_schedule - the runnable requests of a thread, and what its policy remembers
 * @work: first in first out; used unless by stage
 * @batch: what was taken off its queue, but had no turn yet; no one but the thread touches it
 * @batch_length: by stage: of @batch
 * @stages: as @work, for each stage; used by stage
 * @lengths: of @stages
 * @since: the turn in which the first request of each of @stages was queued
 * @occupied: bit mask of those of @stages that are not empty
 * @visited: by stage: where @batch is from
 * @following: by stage: where a request went that became runnable during a visit to each stage
 * @turns: elections so far; an accepted connection counts as one
 * @accept_turn: the turn in which accept last had nothing to wait for
 * @stage: by stage: where the present cohort is
 * @left: cohort: how many turns it has left there
 * @credits: stingy: turns that each stage has left in this round
 * @longest_wait: the most turns that a request has waited for its own
 * @visits: by stage: how often a stage was chosen
 * @overdue: by stage: of these, for a request that had waited too long
 * @short_of_memory: stingy: of these, although the query said that memory is short
 */
struct tux_schedule {
	struct list_head work;
	struct list_head batch;
	unsigned int batch_length;
	struct list_head stages[TUX_NR_STAGES];
	unsigned int lengths[TUX_NR_STAGES];
	unsigned int since[TUX_NR_STAGES];
	unsigned long occupied;
	enum tux_stage visited;
	enum tux_stage following[TUX_NR_STAGES];
	unsigned int turns;
	unsigned int accept_turn;
	enum tux_stage stage;
	unsigned int left;
	unsigned int credits[TUX_NR_STAGES];
	unsigned int longest_wait;
	unsigned int visits;
	unsigned int overdue;
	unsigned int short_of_memory;
};

/* Up to @turns turns at @stage; none if nothing is runnable. */
struct tux_visit {
	enum tux_stage stage;
	unsigned int turns;
};

void tux_schedule_init(struct tux_schedule *schedule);
bool is_runnable(const struct tux_thread *thread);
void queue_request(struct tux_req *req);
struct tux_req *elect_request(struct tux_thread *thread);
struct tux_req *elect_at_stage(struct tux_thread *thread, enum tux_stage stage);
struct tux_visit choose_visit(struct tux_thread *thread);
void end_visit(struct tux_thread *thread, struct tux_visit visit, unsigned int turns);
unsigned int accept_quota(const struct tux_thread *thread);

/* query.c: what the allocator knows */
void tux_query_start(void);
unsigned int tux_query(enum tux_stage stage);
bool tux_holds_all(enum tux_stage stage);

#endif /* _TUX_SCHEDULE_H */
