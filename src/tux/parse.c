// SPDX-License-Identifier: GPL-2.0-only
/*
 * Request heads of HTTP/1 (RFC 9110, 9112): one pass, no copy, no allocation, no state.
 *
 * Context: any; a pure function of the bytes it is given. A head that arrives in pieces is parsed
 * again from the start: it is at most net.tux.max_header_len bytes long.
 * Cost: about ten instructions a byte.
 *
 * Strict where leniency would let two servers see different requests: a line ends in CRLF only;
 * no folded lines; no space around a field name; no repeated Host, Content-Length or
 * Transfer-Encoding, and never the last two together.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/errno.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

#define METHOD_MAX	32
#define VERSION_LENGTH	8

#define IS_TOKEN	1	/* RFC 9110, tchar */
#define IS_VALUE	2	/* field-vchar, space and tab */
#define IS_TARGET	4	/* visible US-ASCII, without "#" */
#define IS_HOST		8	/* RFC 3986, reg-name, without percent signs */

static const u8 char_classes[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 2, 15,  6,  3, 15,  7, 15, 15, 14, 14, 15, 15, 14, 15, 15,  6,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6, 14,  6, 14,  6,  6,
	 6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  7, 15,
	 7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
};

struct head {
	const char *buf;
	unsigned int size;
	unsigned int pos;
	struct tux_message *message;
	bool has_length;
	bool has_coding;
	bool expects_other;
	bool unknown_coding;
};

static bool is_in(char c, u8 classes)
{
	return char_classes[(u8)c] & classes;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Does @text, of any case, equal @word, which is in lower case? One bit tells the cases apart; as
 * to other characters, only a control character could be taken for one that a word has, and none
 * gets here.
 */
static bool equals(const char *text, unsigned int length, const char *word)
{
	unsigned int i;

	for (i = 0; i < length; i++)
		if (!word[i] || (text[i] | 0x20) != word[i])
			return false;
	return !word[i];
}

static struct tux_slice slice(unsigned int from, unsigned int to)
{
	return (struct tux_slice) { .offset = from, .length = to - from };
}

/* What is on the line from @from on, without the blanks around it. */
static struct tux_slice trimmed(const char *buf, unsigned int from, unsigned int size)
{
	unsigned int to;

	while (from < size && is_blank(buf[from]))
		from++;
	for (to = from; to < size && buf[to] != '\r';)
		to++;
	while (to > from && is_blank(buf[to - 1]))
		to--;
	return slice(from, to);
}

/* Go over characters of @classes; true if one of another kind follows. */
static bool skip(struct head *head, u8 classes)
{
	const char *at = head->buf + head->pos;
	const char *end = head->buf + head->size;

	while (at < end && is_in(*at, classes))
		at++;
	head->pos = at - head->buf;
	return at < end;
}

/* Take CRLF. */
static int end_line(struct head *head)
{
	if (head->pos == head->size)
		return TUX_PARSE_INCOMPLETE;
	if (head->buf[head->pos] != '\r')
		return 400;
	if (head->pos + 1 == head->size)
		return TUX_PARSE_INCOMPLETE;
	if (head->buf[head->pos + 1] != '\n')
		return 400;
	head->pos += 2;
	return TUX_PARSE_DONE;
}

static u8 find_method(const char *name, unsigned int length)
{
	static const char * const known[] = {
		"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH",
	};
	unsigned int i;

	if (length == 3 && !memcmp(name, "GET", 3))
		return TUX_GET;
	if (length == 4 && !memcmp(name, "HEAD", 4))
		return TUX_HEAD;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (length == strlen(known[i]) && !memcmp(name, known[i], length))
			return TUX_OTHER_METHOD;
	return TUX_UNKNOWN_METHOD;
}

static int parse_method(struct head *head)
{
	unsigned int start = head->pos;
	bool more = skip(head, IS_TOKEN);
	unsigned int length = head->pos - start;

	if (length > METHOD_MAX)
		return 501;
	if (!more)
		return TUX_PARSE_INCOMPLETE;
	if (!length || head->buf[head->pos] != ' ')
		return 400;
	head->message->method = find_method(head->buf + start, length);
	head->pos++;
	return TUX_PARSE_DONE;
}

/* "http://host/path": the host counts, whatever the field Host says (RFC 9112, 3.2.2).
 * Return: where the path begins, or 0 for bad syntax.
 */
static unsigned int split_absolute(struct head *head, unsigned int start, unsigned int end)
{
	unsigned int i = start + strlen("http://");
	unsigned int host = i;

	if (end - start < strlen("http://") || !equals(head->buf + start, 7, "http://"))
		return 0;
	while (i < end && head->buf[i] != '/' && head->buf[i] != '?')
		i++;
	if (i == host || head->buf[host] == ':' || !tux_is_authority(head->buf + host, i - host))
		return 0;
	head->message->host = slice(host, i);
	return i;
}

static int split_target(struct head *head, unsigned int start, unsigned int end)
{
	struct tux_message *message = head->message;
	unsigned int path = start;
	unsigned int query;

	/* "*" and "host:port" belong to methods that nobody here implements. */
	if (message->method != TUX_GET && message->method != TUX_HEAD)
		return TUX_PARSE_DONE;
	if (head->buf[start] != '/') {
		path = split_absolute(head, start, end);
		if (!path)
			return 400;
	}
	for (query = path; query < end && head->buf[query] != '?';)
		query++;
	message->path = slice(path, query);
	if (query < end)
		message->query = slice(query, end);
	return TUX_PARSE_DONE;
}

static int parse_target(struct head *head)
{
	unsigned int start = head->pos;

	if (!skip(head, IS_TARGET))
		return TUX_PARSE_INCOMPLETE;
	if (head->pos == start || head->buf[head->pos] != ' ')
		return 400;
	head->pos++;
	return split_target(head, start, head->pos - 1);
}

/* "HTTP/1.1", or another digit in either place. */
static int parse_version(struct head *head)
{
	static const char name[] = "HTTP/";
	const char *at = head->buf + head->pos;
	unsigned int left = head->size - head->pos;

	if (memcmp(at, name, min_t(unsigned int, left, sizeof(name) - 1)))
		return 400;
	if (left < VERSION_LENGTH)
		return TUX_PARSE_INCOMPLETE;
	if (!is_digit(at[5]) || at[6] != '.' || !is_digit(at[7]))
		return 400;
	if (at[5] != '1')
		return 505;
	head->message->minor = at[7] != '0';
	head->pos += VERSION_LENGTH;
	return TUX_PARSE_DONE;
}

static int parse_request_line(struct head *head)
{
	unsigned int start;
	int ret;

	/* RFC 9112, 2.2: some clients send an empty line after a body. */
	while (head->pos < head->size && head->buf[head->pos] == '\r') {
		ret = end_line(head);
		if (ret)
			return ret;
	}
	start = head->pos;
	ret = parse_method(head);
	if (!ret)
		ret = parse_target(head);
	if (!ret)
		ret = parse_version(head);
	if (ret)
		return ret;
	head->message->line = slice(start, head->pos);
	return end_line(head);
}

/* Nearly all are plain names: the grammar is asked about the others. */
static int note_host(struct head *head, const char *value, unsigned int length)
{
	unsigned int i = 0;

	while (i < length && is_in(value[i], IS_HOST))
		i++;
	return i == length || tux_is_authority(value, length) ? 0 : 400;
}

/* A list of words; those not known here do not matter. */
static int note_connection(struct head *head, const char *value, unsigned int length)
{
	unsigned int i = 0;

	while (i < length) {
		unsigned int start = i;

		while (i < length && is_in(value[i], IS_TOKEN))
			i++;
		if (equals(value + start, i - start, "close"))
			head->message->close = true;
		if (equals(value + start, i - start, "keep-alive"))
			head->message->keep_alive = true;
		if (i < length && value[i] != ',' && !is_blank(value[i]))
			return 400;
		i++;
	}
	return 0;
}

static int note_length(struct head *head, const char *value, unsigned int length)
{
	unsigned int i;

	if (head->has_length || !length)
		return 400;
	head->has_length = true;
	for (i = 0; i < length; i++) {
		if (!is_digit(value[i]))
			return 400;
		if (value[i] != '0')
			head->message->has_body = true;
	}
	return 0;
}

/* Where the body ends is known only if the last coding is "chunked". */
static int note_coding(struct head *head, const char *value, unsigned int length)
{
	static const unsigned int chunked = sizeof("chunked") - 1;

	if (head->has_coding || length < chunked)
		return 400;
	if (!equals(value + length - chunked, chunked, "chunked"))
		return 400;
	if (length > chunked && is_in(value[length - chunked - 1], IS_TOKEN))
		return 400;
	head->has_coding = true;
	head->unknown_coding = length > chunked;
	head->message->has_body = true;
	return 0;
}

/* A list, perhaps of nothing. */
static int note_expectation(struct head *head, const char *value, unsigned int length)
{
	unsigned int i = 0;

	while (i < length) {
		unsigned int start, end;

		while (i < length && (value[i] == ',' || is_blank(value[i])))
			i++;
		start = i;
		while (i < length && value[i] != ',')
			i++;
		for (end = i; end > start && is_blank(value[end - 1]);)
			end--;
		if (end > start && !equals(value + start, end - start, "100-continue"))
			head->expects_other = true;
	}
	return 0;
}

/* What a second field of the same name means. */
enum repetition {
	REFUSE,		/* one sender would not do that */
	JOIN,		/* a list on several lines: tux_next_field() finds the others */
	VOID,		/* as if it were not there */
};

/* The fields that matter: kept, looked at, or both. The shortest come first. */
static const struct field {
	const char *name;
	u8 length;
	u8 kept;	/* offset in struct tux_message, or 0 */
	u8 again;	/* enum repetition */
	int (*note)(struct head *head, const char *value, unsigned int length);
} fields[] = {
#define FIELD(text, ...)	{ .name = text, .length = sizeof(text) - 1, __VA_ARGS__ }
#define KEPT(member)		.kept = offsetof(struct tux_message, member)
	FIELD("host", KEPT(host), .note = note_host),
	FIELD("range", KEPT(range)),
	FIELD("expect", .note = note_expectation),
	FIELD("referer", KEPT(referer), .again = JOIN),
	FIELD("if-range", KEPT(if_range)),
	FIELD("if-match", KEPT(if_match), .again = JOIN),
	FIELD("connection", .note = note_connection),
	FIELD("user-agent", KEPT(user_agent), .again = JOIN),
	FIELD("if-none-match", KEPT(if_none_match), .again = JOIN),
	FIELD("content-length", .note = note_length),
	FIELD("if-modified-since", KEPT(if_modified_since), .again = VOID),
	FIELD("transfer-encoding", .note = note_coding),
	FIELD("if-unmodified-since", KEPT(if_unmodified_since), .again = VOID),
#undef FIELD
#undef KEPT
};

static const struct field *find_field(const char *name, unsigned int length)
{
	const struct field *field = fields, *end = fields + ARRAY_SIZE(fields);

	while (field < end && field->length < length)
		field++;
	for (; field < end && field->length == length; field++)
		if (equals(name, length, field->name))
			return field;
	return NULL;
}

static int keep_field(struct head *head, const struct field *field, struct tux_slice value)
{
	struct tux_slice *kept = (void *)((char *)head->message + field->kept);

	if (!tux_present(*kept)) {
		*kept = value;
		return 0;
	}
	head->message->repeated = true;
	if (field->again == VOID)
		kept->length = 0;	/* which is no date */
	return field->again == REFUSE ? 400 : 0;
}

/* One line "name: value" without blanks around its parts. */
static int parse_field(struct head *head)
{
	unsigned int name = head->pos, start, end;
	const struct field *field;
	int ret;

	if (!skip(head, IS_TOKEN))
		return TUX_PARSE_INCOMPLETE;
	end = head->pos;
	if (end == name || head->buf[head->pos++] != ':')
		return 400;
	field = find_field(head->buf + name, end - name);
	while (head->pos < head->size && is_blank(head->buf[head->pos]))
		head->pos++;
	start = head->pos;
	skip(head, IS_VALUE);
	end = head->pos;
	ret = end_line(head);
	if (ret || !field)
		return ret;
	while (end > start && is_blank(head->buf[end - 1]))
		end--;
	if (field->kept)
		ret = keep_field(head, field, slice(start, end));
	if (!ret && field->note)
		ret = field->note(head, head->buf + start, end - start);
	return ret;
}

/* What only the whole head can tell. */
static int check_head(const struct head *head)
{
	const struct tux_message *message = head->message;

	if (message->minor && !tux_present(message->host))
		return 400;
	if (head->has_coding && (head->has_length || !message->minor))
		return 400;
	if (head->unknown_coding || message->method == TUX_UNKNOWN_METHOD)
		return 501;
	if (message->method == TUX_OTHER_METHOD)
		return 405;
	if (head->expects_other && message->minor)
		return 417;
	return TUX_PARSE_DONE;
}

/**
 * tux_parse_head() - understand the head of a request
 * @buf: what has been received
 * @size: of it, at most 65535
 * @message: the result; after a refusal whatever was understood before it
 *
 * Return: TUX_PARSE_DONE, TUX_PARSE_INCOMPLETE, or the status with which to refuse the request.
 */
int tux_parse_head(const char *buf, unsigned int size, struct tux_message *message)
{
	struct head head = { .buf = buf, .size = size, .message = message };
	struct tux_slice absolute_host;
	int ret;

	memset(message, 0, sizeof(*message));
	ret = parse_request_line(&head);
	if (ret)
		return ret;
	absolute_host = message->host;
	message->host = (struct tux_slice) { 0 };
	while (head.pos < size && buf[head.pos] != '\r') {
		ret = parse_field(&head);
		if (ret)
			return ret;
	}
	ret = end_line(&head);
	if (ret)
		return ret;
	message->length = head.pos;
	ret = check_head(&head);
	if (tux_present(absolute_host))
		message->host = absolute_host;
	return ret;
}

/**
 * tux_next_field() - the next of several fields of one name
 * @buf: a head that tux_parse_head() has taken
 * @length: of it
 * @name: in lower case
 * @value: the field's value before; becomes the next one's
 *
 * Return: whether there was another.
 */
bool tux_next_field(const char *buf, unsigned int length, const char *name,
		    struct tux_slice *value)
{
	unsigned int at = value->offset + value->length;

	for (;;) {
		const char *line = memchr(buf + at, '\n', length - at);
		const char *colon;

		if (!line || ++line == buf + length)
			return false;
		at = line - buf;
		colon = memchr(line, ':', length - at);
		if (!colon)	/* the empty line */
			return false;
		if (equals(line, colon - line, name)) {
			*value = trimmed(buf, colon + 1 - buf, length);
			return true;
		}
	}
}

/**
 * tux_parse_oversize() - tell what is too long
 * @buf: a head, incomplete, that fills the space there is for heads
 * @size: of that space
 *
 * Return: 414 if the request line alone fills it, else 431.
 */
int tux_parse_oversize(const char *buf, unsigned int size)
{
	unsigned int i = 0;

	while (i < size && (buf[i] == '\r' || buf[i] == '\n'))
		i++;
	return memchr(buf + i, '\n', size - i) ? 431 : 414;
}
