// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access log. Fast threads put binary records into a ring; one thread turns them into lines of
 * the combined log format and writes them to net.tux.logfile. If it cannot keep up, records are
 * dropped and counted: a request never waits for the log.
 *
 * Context: log_request() in fast threads; the rest in the logger.
 */
#include "tux.h"

#define RING_SIZE	(1U << 16)	/* a power of two */
#define LINE_MAX_TEXT	600		/* of the request line, and of each field */
#define FIELD_MAX_TEXT	250
#define TEXT_SIZE	(LINE_MAX_TEXT + 2 * FIELD_MAX_TEXT)
#define LINE_SIZE	(4 * TEXT_SIZE + 160)	/* "\x22" for one character */

struct record {
	u16 size;		/* of all of it */
	u16 status;
	u16 line;		/* lengths of the texts that follow */
	u16 referer;
	u16 user_agent;
	bool with_referer;
	__be32 address;
	s64 bytes;
	s64 seconds;
};

static DEFINE_SPINLOCK(ring_lock);
static DECLARE_WAIT_QUEUE_HEAD(ring_wait);
static char *ring;
static unsigned int ring_head, ring_tail;	/* count up; their difference is the filling */
static struct task_struct *logger;
static bool reopen;	/* the file is another's by now */

static void copy_in(const void *from, unsigned int size)
{
	unsigned int at = ring_head & (RING_SIZE - 1);
	unsigned int first = min(size, RING_SIZE - at);

	memcpy(ring + at, from, first);
	memcpy(ring, from + first, size - first);
	WRITE_ONCE(ring_head, ring_head + size);
}

static void copy_out(void *to, unsigned int size)
{
	unsigned int at = ring_tail & (RING_SIZE - 1);
	unsigned int first = min(size, RING_SIZE - at);

	memcpy(to, ring + at, first);
	memcpy(to + first, ring, size - first);
	WRITE_ONCE(ring_tail, ring_tail + size);
}

static u16 clip(struct tux_slice slice, unsigned int limit)
{
	return min_t(unsigned int, slice.length, limit);
}

/* Bytes of the body that the socket took; that of a constant reply is behind its header. */
static s64 body_sent(const struct tux_req *req)
{
	s64 sent = req->body_next - req->body_start;
	unsigned int unsent = req->abuf.page ? req->abuf.size - req->abuf.sent : 0;

	return max_t(s64, sent - unsent, 0);
}

static void note_request(const struct tux_req *req)
{
	const struct tux_message *message = &req->message;
	const char *head = tux_head(req);
	struct record record = {
		.status = req->status,
		.line = clip(message->line, LINE_MAX_TEXT),
		.with_referer = tux_knobs.referer_logging,
		.address = peer_address(req),
		.bytes = body_sent(req),
		.seconds = ktime_get_real_seconds(),
	};

	if (record.with_referer) {
		record.referer = clip(message->referer, FIELD_MAX_TEXT);
		record.user_agent = clip(message->user_agent, FIELD_MAX_TEXT);
	}
	record.size = sizeof(record) + record.line + record.referer + record.user_agent;
	spin_lock(&ring_lock);
	if (RING_SIZE - (ring_head - ring_tail) < record.size) {
		spin_unlock(&ring_lock);
		tux_count_event(TUX_EVENT_log_dropped);
		return;
	}
	copy_in(&record, sizeof(record));
	copy_in(head + message->line.offset, record.line);
	copy_in(head + message->referer.offset, record.referer);
	copy_in(head + message->user_agent.offset, record.user_agent);
	spin_unlock(&ring_lock);
	if (wq_has_sleeper(&ring_wait))
		wake_up(&ring_wait);
}

/**
 * log_request() - note a request that is over
 * @req: was answered, or given up; still has its head, or as much of it as has come
 */
void log_request(const struct tux_req *req)
{
	if (tux_knobs.logging && !asked_nothing(req))
		note_request(req);
}

static bool take_record(struct record *record, char *text)
{
	bool any;

	spin_lock(&ring_lock);
	any = ring_head != ring_tail;
	if (any) {
		copy_out(record, sizeof(*record));
		copy_out(text, record->size - sizeof(*record));
	}
	spin_unlock(&ring_lock);
	return any;
}

/* A text of the client's, with nothing in it that could be taken for an end or a line of its own. */
static char *put_quoted(char *to, const char *text, unsigned int length)
{
	*to++ = '"';
	if (!length)
		*to++ = '-';
	for (; length; length--, text++) {
		if (*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\')
			*to++ = *text;
		else
			to += sprintf(to, "\\x%02x", (u8)*text);
	}
	*to++ = '"';
	return to;
}

/* "06/Nov/1994:08:49:37 +0000", from the other form "Sun, 06 Nov 1994 08:49:37 GMT". */
static char *put_log_date(char *to, s64 seconds)
{
	char date[TUX_DATE_LENGTH];

	tux_format_date(date, seconds);
	return to + sprintf(to, "%.2s/%.3s/%.4s:%.8s +0000", date + 5, date + 8, date + 12,
			    date + 17);
}

static unsigned int format_record(char *buf, const struct record *record, const char *text)
{
	const u8 *address = (const u8 *)&record->address;
	char *to = buf + sprintf(buf, "%u.%u.%u.%u - - [", address[0], address[1], address[2],
				 address[3]);

	to = put_log_date(to, record->seconds);
	to += sprintf(to, "] ");
	to = put_quoted(to, text, record->line);
	to += sprintf(to, " %u %lld", record->status, (long long)record->bytes);
	if (record->with_referer) {
		*to++ = ' ';
		to = put_quoted(to, text + record->line, record->referer);
		*to++ = ' ';
		to = put_quoted(to, text + record->line + record->referer, record->user_agent);
	}
	*to++ = '\n';
	return to - buf;
}

/* What only the logger uses. */
static struct log_writer {
	struct file *file;
	loff_t position;
	char text[TEXT_SIZE];
	char line[LINE_SIZE];
} *writer;

/* The file is opened with the first record, so that a server without a log leaves no file. */
static bool open_log(void)
{
	struct file *file;

	if (writer->file)
		return true;
	file = filp_open(tux_knobs.logfile, O_WRONLY | O_CREAT | O_APPEND | O_LARGEFILE, 0640);
	if (IS_ERR(file))
		return false;
	writer->file = file;
	return true;
}

static void close_log(void)
{
	if (writer->file)
		filp_close(writer->file, NULL);
	writer->file = NULL;
	writer->position = 0;
}

/* Lower the flag first: who raises it meanwhile sees the file closed after that as well. */
static void follow_rotation(void)
{
	if (READ_ONCE(reopen)) {
		WRITE_ONCE(reopen, false);
		close_log();
	}
}

static void write_record(const struct record *record)
{
	unsigned int length = format_record(writer->line, record, writer->text);

	follow_rotation();
	if (!open_log() ||
	    kernel_write(writer->file, writer->line, length, &writer->position) != length)
		tux_count_event(TUX_EVENT_log_dropped);
}

static void write_records(void)
{
	struct record record;

	while (take_record(&record, writer->text))
		write_record(&record);
}

static int log_loop(void *unused)
{
	while (!kthread_should_stop()) {
		wait_event_interruptible(ring_wait, READ_ONCE(ring_head) != READ_ONCE(ring_tail) ||
					 READ_ONCE(reopen) || kthread_should_stop());
		follow_rotation();
		write_records();
	}
	return 0;
}

static void free_log(void)
{
	kvfree(writer);
	kvfree(ring);
	writer = NULL;
	ring = NULL;
}

/**
 * tux_log_start() - start the logger
 *
 * Return: 0, or an error.
 */
int tux_log_start(void)
{
	ring_head = 0;
	ring_tail = 0;
	reopen = false;
	ring = kvmalloc(RING_SIZE, GFP_KERNEL);
	writer = kvzalloc(sizeof(*writer), GFP_KERNEL);
	if (!ring || !writer) {
		free_log();
		return -ENOMEM;
	}
	logger = kthread_run(log_loop, NULL, "tux-log");
	if (IS_ERR(logger)) {
		free_log();
		return PTR_ERR(logger);
	}
	return 0;
}

/* Write what is left in the ring, and end. */
void tux_log_stop(void)
{
	kthread_stop(logger);
	write_records();
	close_log();
	free_log();
}

/* Someone has renamed the file: close it, and let the next line make a new one. */
void tux_log_reopen(void)
{
	WRITE_ONCE(reopen, true);
	wake_up(&ring_wait);
}
