/* SPDX-License-Identifier: MIT */
/* The head of an HTTP request: a request line, fields, an empty line. */
#include <stdio.h>
#include <string.h>

#include "parser.h"

struct text {
	const uint8_t *data;
	size_t length, at;
};

enum outcome {
	OK,
	MORE,		/* the input ends too early */
	WRONG
};

static bool at_end(const struct text *text)
{
	return text->at >= text->length;
}

static enum outcome expect(struct text *text, const char *word)
{
	for (; *word; word++, text->at++) {
		if (at_end(text))
			return MORE;
		if (text->data[text->at] != (uint8_t)*word)
			return WRONG;
	}
	return OK;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a path, decoded. */
static enum outcome read_path_byte(struct text *text, uint8_t *byte)
{
	int high, low;

	*byte = text->data[text->at++];
	if (*byte != '%')
		return *byte > 0x20 && *byte < 0x7f ? OK : WRONG;
	if (text->length - text->at < 2)
		return at_end(text) || hex_value(text->data[text->at]) >= 0 ? MORE : WRONG;
	high = hex_value(text->data[text->at]);
	low = hex_value(text->data[text->at + 1]);
	text->at += 2;
	if (high < 0 || low < 0)
		return WRONG;
	*byte = (uint8_t)(high << 4 | low);
	return *byte ? OK : WRONG;
}

static enum outcome read_path(struct text *text, char *path)
{
	char decoded[PATH_SIZE];
	size_t used = 0;

	memset(path, 0, PATH_SIZE);
	while (!at_end(text) && text->data[text->at] != ' ') {
		enum outcome outcome;
		uint8_t byte;

		outcome = read_path_byte(text, &byte);
		if (outcome != OK)
			return outcome;
		if (used == PATH_SIZE - 1)
			return WRONG;
		decoded[used++] = (char)byte;
	}
	if (at_end(text))
		return MORE;
	memcpy(path, decoded, used < PATH_SIZE ? used : PATH_SIZE - 1);
	return path[0] == '/' ? OK : WRONG;
}

static enum outcome read_line(struct text *text, struct request *request)
{
	enum outcome outcome;

	request->head = !at_end(text) && text->data[text->at] == 'H';
	outcome = expect(text, request->head ? "HEAD " : "GET ");
	if (outcome == OK)
		outcome = read_path(text, request->path);
	if (outcome == OK)
		outcome = expect(text, " HTTP/1.");
	if (outcome != OK)
		return outcome;
	if (at_end(text))
		return MORE;
	request->minor = text->data[text->at++] - '0';
	return request->minor > 1 ? WRONG : expect(text, "\r\n");
}

/* Whether a field's name, of @length bytes, is @name; capital letters or not. */
static bool is_named(const uint8_t *field, size_t length, const char *name)
{
	size_t i;

	if (length != strlen(name))
		return false;
	for (i = 0; name[i]; i++)
		if ((field[i] | 0x20) != (name[i] | 0x20))
			return false;
	return true;
}

/* A decimal number up to @end; false if there is none, or it is too large. */
static bool read_number(const uint8_t *data, size_t *at, size_t end, uint64_t *number)
{
	size_t first = *at;

	*number = 0;
	for (; *at < end && data[*at] >= '0' && data[*at] <= '9'; (*at)++) {
		unsigned int digit = data[*at] - '0';

		if (*number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return *at > first;
}

static bool read_length(const uint8_t *data, size_t at, size_t end, struct request *request)
{
	uint64_t length;

	if (!read_number(data, &at, end, &length) || at != end)
		return false;
	if (request->has_length && request->length != length)
		return false;
	request->has_length = true;
	request->length = length;
	return true;
}

/* A range that cannot be is as if it were not there. */
static void read_range(const uint8_t *data, size_t at, size_t end, struct request *request)
{
	uint64_t first, last;

	request->has_range = false;
	if (end - at < 6 || memcmp(data + at, "bytes=", 6))
		return;
	at += 6;
	if (!read_number(data, &at, end, &first) || at == end || data[at++] != '-')
		return;
	if (!read_number(data, &at, end, &last) || at != end)
		return;
	if (first > last)
		return;
	request->has_range = true;
	request->first = first;
	request->last = last;
}

static enum outcome read_field(struct text *text, struct request *request, size_t *starts)
{
	const uint8_t *data = text->data;
	size_t first = text->at, name_end, end;

	while (!at_end(text) && data[text->at] > ' ' && data[text->at] < 0x7f &&
	       data[text->at] != ':')
		text->at++;
	if (at_end(text))
		return MORE;
	name_end = text->at++;
	if (data[name_end] != ':' || name_end == first)
		return WRONG;
	while (!at_end(text) && data[text->at] == ' ')
		text->at++;
	for (end = text->at; end < text->length && data[end] >= ' ' && data[end] != 0x7f; end++)
		;
	if (end >= text->length)
		return MORE;
	if (request->nr_fields == MAX_FIELDS)
		return WRONG;
	starts[request->nr_fields++] = first;
	if (is_named(data + first, name_end - first, "content-length")) {
		if (!read_length(data, text->at, end, request))
			return WRONG;
	} else if (is_named(data + first, name_end - first, "range")) {
		read_range(data, text->at, end, request);
	}
	text->at = end;
	return expect(text, "\r\n");
}

static enum outcome read_head(struct text *text, struct request *request)
{
	size_t starts[MAX_FIELDS];
	enum outcome outcome = read_line(text, request);

	request->nr_fields = 0;
	request->has_length = false;
	request->has_range = false;
	while (outcome == OK) {
		if (at_end(text))
			return MORE;
		if (text->data[text->at] == '\r')
			return expect(text, "\r\n");
		outcome = read_field(text, request, starts);
	}
	return outcome;
}

long parse_request(const uint8_t *data, size_t length, struct request *request)
{
	struct text text = { data, length, 0 };

	switch (read_head(&text, request)) {
	case OK:
		return (long)text.at;
	case MORE:
		return INCOMPLETE;
	default:
		return BAD;
	}
}

size_t print_request(const struct request *request, char *buffer, size_t size)
{
	char path[3 * PATH_SIZE] = "", length[64] = "", range[80] = "";
	int printed;

	for (const char *c = request->path; *c; c++) {
		bool plain = *c > 0x20 && *c < 0x7f && *c != '%';

		sprintf(path + strlen(path), plain ? "%c" : "%%%02x", (unsigned char)*c);
	}
	if (request->has_length)
		sprintf(length, "Content-Length: %llu\r\n", (unsigned long long)request->length);
	if (request->has_range)
		sprintf(range, "Range: bytes=%llu-%llu\r\n", (unsigned long long)request->first,
			(unsigned long long)request->last);
	printed = snprintf(buffer, size, "%s %s HTTP/1.%u\r\n%s%s\r\n",
			   request->head ? "HEAD" : "GET", path, request->minor, length, range);
	return printed > 0 && (size_t)printed < size ? (size_t)printed : 0;
}
