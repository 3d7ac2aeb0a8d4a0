// SPDX-License-Identifier: MIT
/*
 * Drives the scheduler of TUX (schedule.c, as it is) without a server:
 *
 *	schedule_harness [PARAMETER=VALUE ...] < script
 *
 * A line of the script is one step; those that ask print one line:
 *
 *	q ID STAGE	request ID becomes runnable at STAGE (a number of enum tux_stage)
 *	b COUNT		so many connections wait for accept
 *	r STAGE COUNT	the query's answer for STAGE
 *	h STAGE YES	whether requests at STAGE hold all they need
 *	c		choose a visit: prints "STAGE TURNS"
 *	e		elect at its stage: prints the ID
 *	a		accept one connection
 *	d TURNS		the visit ends after so many turns
 *	l		elect without stages: prints the ID
 *	n LIVE IDLE	prints how many may be accepted
 *	s		prints "TURNS LONGEST OVERDUE SHORT"
 */
#include "tux.h"

struct tux_server tux_server;

static struct tux_thread thread;
static unsigned int backlog, room[TUX_NR_STAGES];
static bool holds_all[TUX_NR_STAGES];
static struct tux_req *reqs[1 << 16];

#define STAGE(name) void name(struct tux_req *req, int cachemiss) { abort(); }
STAGE(parse_request)
STAGE(process_message)
STAGE(redirect_request)
STAGE(send_abuf)
STAGE(post_header)
STAGE(send_body)
STAGE(linger_close)

static tux_atom_t * const atoms[TUX_NR_STAGES] = {
	NULL, parse_request, process_message, redirect_request, send_abuf, post_header, send_body,
	NULL, linger_close,
};

bool accept_possible(struct tux_thread *of)
{
	return backlog;
}

unsigned int tux_query(enum tux_stage stage)
{
	return room[stage];
}

bool tux_holds_all(enum tux_stage stage)
{
	return holds_all[stage];
}

static void add(unsigned int id, unsigned int stage)
{
	struct tux_req *req = reqs[id] ? : (reqs[id] = calloc(1, sizeof(*req)));

	req->thread = &thread;
	req->lingered = id;	/* any field will do */
	req->nr_atoms = 0;
	if (atoms[stage])
		req->atoms[req->nr_atoms++] = atoms[stage];
	queue_request(req);
}

static void print_id(const struct tux_req *req)
{
	printf("%d\n", req ? (int)req->lingered : -1);
}

static void step(char command, unsigned int first, unsigned int second)
{
	static struct tux_visit visit;

	switch (command) {
	case 'q': add(first, second); break;
	case 'b': backlog = first; break;
	case 'r': room[first] = second; break;
	case 'h': holds_all[first] = second; break;
	case 'c':
		visit = choose_visit(&thread);
		printf("%u %u\n", visit.turns ? visit.stage : 0, visit.turns);
		break;
	case 'e': print_id(elect_at_stage(&thread, visit.stage)); break;
	case 'a': backlog--; thread.schedule.turns++; break;
	case 'd': end_visit(&thread, visit, first); break;
	case 'l': print_id(elect_request(&thread)); break;
	case 'n':
		thread.nr_live = first;
		thread.nr_idle = second;
		printf("%u\n", accept_quota(&thread));
		break;
	case 's':
		printf("%u %u %u %u\n", thread.schedule.turns, thread.schedule.longest_wait,
		       thread.schedule.overdue, thread.schedule.short_of_memory);
		break;
	default: abort();
	}
}

int main(int argc, char **argv)
{
	char line[64];
	int i;

	for (i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return 2;
		*value++ = 0;
		if (set_param(argv[i], value))
			return 2;
	}
	tux_schedule_init(&thread.schedule);
	spin_lock_init(&thread.lock);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned int first = 0, second = 0;

		sscanf(line + 1, "%u %u", &first, &second);
		step(line[0], first, second);
	}
	for (i = 0; i < 1 << 16; i++)
		free(reqs[i]);
	return 0;
}
