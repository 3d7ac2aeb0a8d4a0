// SPDX-License-Identifier: MIT
/*
 * libFuzzer harness of TUX's parsers: request heads, names, ranges, dates, entity tags.
 *
 * An input is what arrived on a connection. It is parsed whole, cut short, and with more behind it;
 * what was understood of it is handed on as the server would. Each buffer has exactly its size, so
 * that AddressSanitizer sees a read or write of one byte too many. Beyond that this checks laws:
 *
 *  - a head is complete at one length only, and what follows it has no influence;
 *  - what is refused stays refused, with the same status, whatever comes;
 *  - each slice lies within the head and between its delimiters;
 *  - a head that is taken passes an independent, slower reader of the same grammar (reader.h);
 *  - a decoded name has no NUL, no "..", no leading slash;
 *  - the lines of one list come in order, and each is a slice;
 *  - a range lies within the object; a date that was read is written and read back the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/kernel.h"
#include "parse.h"
#include "reader.h"

#define MAX_HEAD	3000
#define NOW		1700000000	/* for years of two digits */

static void require(bool condition, const char *law)
{
	if (!condition) {
		fprintf(stderr, "broken law: %s\n", law);
		abort();
	}
}

static char *copy_exactly(const void *from, size_t size)
{
	char *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, from, size);
	if (!size) {
		free(copy);
		return NULL;
	}
	return copy;
}

/* Parse in a buffer of just that size. */
static int parse_exactly(const uint8_t *data, size_t size, struct tux_message *message)
{
	char *copy = copy_exactly(data, size);
	int ret = tux_parse_head(copy ? copy : "", size, message);

	free(copy);
	return ret;
}

static bool is_refusal(int ret)
{
	return ret >= 400;
}

static void check_slice(const uint8_t *data, const struct tux_message *message,
			struct tux_slice slice)
{
	if (!tux_present(slice))
		return;
	require(slice.offset + slice.length <= message->length - 2u, "a slice lies in the head");
	require(!memchr(data + slice.offset, '\n', slice.length), "a slice is of one line");
	require(!memchr(data + slice.offset, 0, slice.length), "a slice has no NUL");
}

static void check_name(const uint8_t *data, struct tux_slice path)
{
	char *from = copy_exactly(data + path.offset, path.length);
	char *to = malloc(path.length + 1);
	int length;

	if (!to)
		abort();
	length = tux_decode_path(to, from ? from : "", path.length);
	if (length >= 0) {
		require((size_t)length <= path.length && strlen(to) == (size_t)length,
			"a name ends where it says");
		require(to[0] != '/', "a name is relative");
		for (char *part = strtok(to, "/"); part; part = strtok(NULL, "/"))
			require(strcmp(part, ".."), "a name has no dot-dot");
	}
	free(to);
	free(from);
}

static void check_host(const uint8_t *data, struct tux_slice host)
{
	char *from = copy_exactly(data + host.offset, host.length);

	for (unsigned int room = 1; room <= 130; room += 43) {
		char *to = malloc(room);
		int length;

		if (!to)
			abort();
		length = tux_virtual_host_name(to, room, from ? from : "", host.length);
		if (length) {
			require((unsigned int)length < room && strlen(to) == (size_t)length,
				"a host's name fits");
			require(to[0] != '.' && !strchr(to, '/'), "a host's name is a directory's");
		}
		free(to);
	}
	free(from);
}

static void check_range(const uint8_t *data, struct tux_slice range)
{
	static const int64_t sizes[] = { 0, 1, 100, 4096, 1LL << 33 };
	char *value = copy_exactly(data + range.offset, range.length);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		s64 start = -1, end = -1;

		if (tux_parse_range(value ? value : "", range.length, sizes[i], &start, &end) ==
		    TUX_RANGE_ONE)
			require(start >= 0 && start < end && end <= sizes[i],
				"a range lies in the object and is not empty");
	}
	free(value);
}

static void check_date(const uint8_t *data, struct tux_slice date)
{
	char *value = copy_exactly(data + date.offset, date.length);
	char text[TUX_DATE_LENGTH];
	s64 seconds, again;

	if (value && !tux_parse_date(value, date.length, NOW, &seconds) && seconds >= 0) {
		tux_format_date(text, seconds);
		require(!tux_parse_date(text, sizeof(text), NOW, &again), "a written date can be read");
		require(again == seconds, "a date survives writing and reading");
	}
	free(value);
}

static void check_tags(const uint8_t *data, struct tux_slice list)
{
	static const char tag[] = "\"abc\"";
	char *value = copy_exactly(data + list.offset, list.length);
	const char *text = value ? value : "";
	bool strong = tux_etag_listed(text, list.length, tag, sizeof(tag) - 1, false);
	bool weak = tux_etag_listed(text, list.length, tag, sizeof(tag) - 1, true);

	require(weak || !strong, "what matches strongly matches weakly");
	free(value);
}

static void check_done(const uint8_t *data, size_t size, const struct tux_message *message)
{
	struct tux_message alone;

	require(message->length <= size, "a head is no longer than what came");
	require(!memcmp(data + message->length - 4, "\r\n\r\n", 4), "a head ends in an empty line");
	require(parse_exactly(data, message->length, &alone) == TUX_PARSE_DONE &&
		!memcmp(&alone, message, sizeof(alone)), "what follows has no influence");
	require(parse_exactly(data, message->length - 1, &alone) == TUX_PARSE_INCOMPLETE,
		"a head without its last byte is incomplete");
	require(reader_accepts((const char *)data, message->length), "an independent reader agrees");
	require(message->method == TUX_GET || message->method == TUX_HEAD, "only these are served");
	require(tux_present(message->path) && message->line.length, "a request has a target");
}

static void check_slices(const uint8_t *data, const struct tux_message *message)
{
	const struct tux_slice slices[] = {
		message->line, message->path, message->query, message->host, message->if_match,
		message->if_none_match, message->if_modified_since, message->if_unmodified_since,
		message->if_range, message->range, message->referer, message->user_agent,
	};

	for (size_t i = 0; i < ARRAY_SIZE(slices); i++)
		check_slice(data, message, slices[i]);
	check_name(data, message->path);
	check_host(data, message->host);
	check_range(data, message->range);
	check_date(data, message->if_modified_since);
	check_date(data, message->if_unmodified_since);
	check_date(data, message->if_range);
	check_tags(data, message->if_match);
	check_tags(data, message->if_none_match);
	check_tags(data, message->if_range);
}

/* Lists on several lines: each line is found once, and lies in the head. */
static void check_lines(const uint8_t *data, const struct tux_message *message)
{
	static const char * const names[] = { "if-match", "if-none-match" };
	const struct tux_slice first[] = { message->if_match, message->if_none_match };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *copy = copy_exactly(data, message->length);
		struct tux_slice at = first[i], before = at;

		while (tux_present(first[i]) &&
		       tux_next_field(copy, message->length, names[i], &at)) {
			require(at.offset > before.offset + before.length, "lines come in order");
			require(message->repeated, "several lines are known to be several");
			check_slice(data, message, at);
			before = at;
		}
		free(copy);
	}
}

/* The same bytes as they would arrive in two parts, cut at a place that the input chooses. */
static void check_prefix(const uint8_t *data, size_t size, int whole)
{
	struct tux_message message;
	size_t cut = size ? (data[size - 1] * 257u + data[0]) % size : 0;
	int ret = parse_exactly(data, cut, &message);

	if (is_refusal(ret))
		require(ret == whole, "what is refused stays refused");
	if (ret == TUX_PARSE_DONE)
		require(whole == TUX_PARSE_DONE, "what is complete stays complete");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tux_message message;
	int ret;

	if (size > MAX_HEAD)
		size = MAX_HEAD;
	ret = parse_exactly(data, size, &message);
	require(ret == TUX_PARSE_DONE || ret == TUX_PARSE_INCOMPLETE || (ret >= 400 && ret < 600),
		"a head is complete, incomplete or refused");
	check_prefix(data, size, ret);
	if (ret == TUX_PARSE_DONE) {
		check_done(data, size, &message);
		check_slices(data, &message);
		check_lines(data, &message);
	}
	if (ret == TUX_PARSE_INCOMPLETE && size) {
		int status = tux_parse_oversize((const char *)data, size);

		require(status == 414 || status == 431, "too long is one of two things");
	}
	return 0;
}
