// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the scheduler asks the allocator: how many more requests can run a stage without leaving
 * the part of the cache that is theirs?
 *
 * With Stingy (CONFIG_TUX_STINGY) the generated allocator answers, from its free slots. Without,
 * the answer is what pools of the same kind would say: the cache share holds the objects of so
 * many requests (capacity), and of each kind of object some are alive.
 *
 * A request also touches memory that TUX does not allocate: TCP's socks and buffers. How much of
 * it is not known here, so it is given beforehand: to stingygen (--outside-bytes), which makes so
 * many slots less, and without Stingy as outside_bytes.
 *
 * Context: process.
 */
#include "tux.h"
#include "choice.h"

enum query_mode {
	QUERY_REAL,
	QUERY_ALWAYS,
	QUERY_NEVER,
};

/* The other two are faults on purpose: an experiment has to notice them. */
static const char * const mode_names[] = {
	[QUERY_REAL] = "real",
	[QUERY_ALWAYS] = "always",
	[QUERY_NEVER] = "never",
};

static struct tux_choice mode = { mode_names, ARRAY_SIZE(mode_names), QUERY_REAL };

static const struct kernel_param_ops mode_ops = {
	.set = tux_set_choice,
	.get = tux_get_choice,
};

module_param_cb(query, &mode_ops, &mode, 0444);
MODULE_PARM_DESC(query, "what the scheduler is told about memory: real, always (enough), never");

#ifdef CONFIG_TUX_STINGY

#include "stingy.h"

static const enum stingy_stage stingy_stages[TUX_NR_STAGES] = {
	[TUX_STAGE_parse] = STINGY_STAGE_PARSE_REQUEST,
	[TUX_STAGE_process] = STINGY_STAGE_PROCESS_MESSAGE,
	[TUX_STAGE_redirect] = STINGY_STAGE_REDIRECT_REQUEST,
	[TUX_STAGE_send_abuf] = STINGY_STAGE_SEND_ABUF,
	[TUX_STAGE_post_header] = STINGY_STAGE_POST_HEADER,
	[TUX_STAGE_send_body] = STINGY_STAGE_SEND_BODY,
	[TUX_STAGE_flush] = STINGY_STAGE_FLUSH_REQUEST,
	[TUX_STAGE_linger] = STINGY_STAGE_LINGER_CLOSE,
};

/* Stages at which a request has all the memory that it needs. */
static unsigned long complete_stages;

/* Not stingy_holds_all(): what a request holds only perhaps, it counts as missing. */
void tux_query_start(void)
{
	unsigned int stage = TUX_STAGE_linger;

	complete_stages = BIT(TUX_STAGE_linger);
	while (--stage > TUX_STAGE_accept && !stingy_allocates(stingy_stages[stage]))
		complete_stages |= BIT(stage);
}

/**
 * tux_slab_check_header() - whether there is memory for headers of a size
 * @bytes: the largest that is to be, net.tux.max_header_len
 *
 * Without it each request would wait for memory that there never is.
 *
 * Return: 0 or -EINVAL, with the reason in the kernel's log.
 */
int tux_slab_check_header(int bytes)
{
	size_t most = stingy_bound(STINGY_TUX_REQ_HEADER);

	if (bytes <= most)
		return 0;
	pr_err("tux: net.tux.max_header_len = %d is more than Stingy's buffers of %zu bytes: set it to that at most, or give the annotation of kmalloc() a larger max_bytes and build anew\n",
	       bytes, most);
	return -EINVAL;
}

static unsigned int find_room(enum tux_stage stage)
{
	if (stage == TUX_STAGE_accept)
		return stingy_room(STINGY_TUX_REQ);
	if (!stingy_allocates(stingy_stages[stage]))
		return UINT_MAX;
	return stingy_query(stingy_stages[stage]);
}

bool tux_holds_all(enum tux_stage stage)
{
	return complete_stages & BIT(stage);
}

#else

#define MOST_OUTSIDE_BYTES	(16U << 20)

static unsigned int cache_bytes = 512 << 10;
static unsigned int outside_bytes;
static unsigned int capacity;
static unsigned int capacity_now;

static int set_outside_bytes(const char *value, const struct kernel_param *param)
{
	return param_set_uint_minmax(value, param, 0, MOST_OUTSIDE_BYTES);
}

static const struct kernel_param_ops outside_ops = {
	.set = set_outside_bytes,
	.get = param_get_uint,
};

module_param(cache_bytes, uint, 0444);
MODULE_PARM_DESC(cache_bytes, "bytes of the cache that are for requests");
module_param_cb(outside_bytes, &outside_ops, &outside_bytes, 0444);
MODULE_PARM_DESC(outside_bytes, "bytes that a request touches besides its objects, as sockets");
module_param(capacity, uint, 0444);
MODULE_PARM_DESC(capacity, "requests that fit; 0: as many as cache_bytes is enough for");

/* Objects that a stage allocates and does not give back: bits of enum tux_object. */
static const u8 needs[TUX_NR_STAGES] = {
	[TUX_STAGE_accept] = BIT(TUX_OBJECT_request) | BIT(TUX_OBJECT_socket),
	[TUX_STAGE_parse] = BIT(TUX_OBJECT_header),
	[TUX_STAGE_process] = BIT(TUX_OBJECT_abuf) | BIT(TUX_OBJECT_file),
	[TUX_STAGE_redirect] = BIT(TUX_OBJECT_abuf),
};

/**
 * tux_query_start() - find out how many requests fit
 *
 * Called when the server starts; a later change of net.tux.max_header_len has no influence.
 */
void tux_query_start(void)
{
	unsigned int bytes = sizeof(struct tux_req) + sizeof(struct socket_alloc) +
			     READ_ONCE(tux_knobs.max_header_len) + TUX_REPLY_HEADER_MAX +
			     sizeof(struct file) + outside_bytes;

	capacity_now = capacity ? : max(1U, cache_bytes / bytes);
}

static unsigned long count_live(enum tux_object object)
{
	unsigned long live = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct tux_counters *counters = per_cpu_ptr(&tux_counters, cpu);

		live += READ_ONCE(counters->born[object]) - READ_ONCE(counters->gone[object]);
	}
	return live;
}

static unsigned int find_room(enum tux_stage stage)
{
	unsigned long needed = needs[stage];
	unsigned int object, room = UINT_MAX;

	for_each_set_bit(object, &needed, TUX_NR_OBJECTS) {
		unsigned long live = count_live(object);

		room = min_t(unsigned int, room, live < capacity_now ? capacity_now - live : 0);
	}
	return room;
}

/**
 * tux_holds_all() - whether a request has all the memory that it needs
 * @stage: where it is
 *
 * It holds for the rest of this request; the next one on the same connection begins anew.
 */
bool tux_holds_all(enum tux_stage stage)
{
	for (; stage < TUX_NR_STAGES; stage++)
		if (needs[stage])
			return false;
	return true;
}

#endif /* CONFIG_TUX_STINGY */

/**
 * tux_query() - how many more requests can run a stage within the cache
 * @stage: the stage; TUX_STAGE_accept for new connections
 *
 * Return: a number of requests; UINT_MAX if the stage allocates nothing.
 */
unsigned int tux_query(enum tux_stage stage)
{
	switch (mode.chosen) {
	case QUERY_ALWAYS:
		return UINT_MAX;
	case QUERY_NEVER:
		return 0;
	default:
		return find_room(stage);
	}
}
