// SPDX-License-Identifier: GPL-2.0-only
/*
 * Byte ranges (RFC 9110, 14). One range is honoured; a list of ranges, another unit or bad syntax
 * is ignored, as the RFC allows, and the whole object sent.
 *
 * Context: any; pure.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/limits.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

/* Digits from @*text on; too large a number becomes the largest. Return: how many digits. */
static int parse_number(const char **text, const char *end, s64 *number)
{
	const char *start = *text;

	for (*number = 0; *text < end && **text >= '0' && **text <= '9'; (*text)++) {
		int digit = **text - '0';

		/* Object sizes stay far below 2^59: no division needed to see the overflow. */
		if (*number > (S64_MAX >> 4))
			*number = S64_MAX >> 4;
		else
			*number = *number * 10 + digit;
	}
	return *text - start;
}

/**
 * tux_parse_range() - which part of an object is asked for
 * @value: of the field Range
 * @length: of @value
 * @size: of the object
 * @start: first byte, if one range can be sent
 * @end: the byte after the last one
 *
 * Return: what to do.
 */
enum tux_range tux_parse_range(const char *value, unsigned int length, s64 size,
			       s64 *start, s64 *end)
{
	static const char unit[] = "bytes=";
	const char *text = value + sizeof(unit) - 1;
	const char *limit = value + length;
	s64 first, last;
	int first_digits, last_digits;
	unsigned int i;

	if (length < sizeof(unit) - 1)
		return TUX_RANGE_NONE;
	for (i = 0; i < sizeof(unit) - 2; i++)
		if ((value[i] | 0x20) != unit[i])
			return TUX_RANGE_NONE;
	if (value[i] != '=')
		return TUX_RANGE_NONE;
	first_digits = parse_number(&text, limit, &first);
	if (text == limit || *text++ != '-')
		return TUX_RANGE_NONE;
	last_digits = parse_number(&text, limit, &last);
	if (text != limit || (!first_digits && !last_digits))
		return TUX_RANGE_NONE;

	if (!first_digits) {	/* the last bytes */
		if (!last)
			return TUX_RANGE_UNSATISFIABLE;
		if (!size)	/* satisfiable (14.1.2), but there is no byte to name */
			return TUX_RANGE_NONE;
		*start = last < size ? size - last : 0;
		*end = size;
		return TUX_RANGE_ONE;
	}
	if (last_digits && last < first)
		return TUX_RANGE_NONE;
	if (first >= size)
		return TUX_RANGE_UNSATISFIABLE;
	*start = first;
	*end = last_digits && last < size ? last + 1 : size;
	return TUX_RANGE_ONE;
}
