// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grammar of RFC 3986, 3.2, for what names a host: the field Host, and the authority of a
 * target in absolute form. A name that this grammar refuses means different hosts to different
 * readers, and must be refused (RFC 9112, 3.2).
 *
 * Context: any; pure.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

#define IPV6_GROUPS	8

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* RFC 3986: unreserved or sub-delims. */
static bool is_name_char(char c)
{
	static const char marks[] = "-._~!$&'()*+,;=";

	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       memchr(marks, c, sizeof(marks) - 1);
}

/* "255", without zeros in front. Go behind it. */
static bool skip_octet(const char **text, const char *end)
{
	const char *start = *text;
	unsigned int value = 0;

	while (*text < end && is_digit(**text) && *text - start < 3)
		value = value * 10 + *(*text)++ - '0';
	return *text > start && value <= 255 && (*start != '0' || *text - start == 1);
}

/* "127.0.0.1", to the end. */
static bool is_ipv4(const char *text, const char *end)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if ((i && (text == end || *text++ != '.')) || !skip_octet(&text, end))
			return false;
	return text == end;
}

/* One to four hexadecimal digits. Go behind them. */
static bool skip_group(const char **text, const char *end)
{
	const char *start = *text;

	while (*text < end && is_hex(**text) && *text - start < 4)
		(*text)++;
	return *text > start;
}

/*
 * Groups with colons between them, to the end; the last two may be an IPv4 address.
 * Return: how many, or more than there can be for bad syntax.
 */
static unsigned int count_groups(const char *text, const char *end)
{
	unsigned int groups = 0;

	while (groups < IPV6_GROUPS) {
		const char *start = text;

		if (is_ipv4(start, end))
			return groups + 2;
		if (!skip_group(&text, end))
			break;
		groups++;
		if (text == end)
			return groups;
		if (*text++ != ':')
			break;
	}
	return IPV6_GROUPS + 1;
}

/* Where "::" is, or NULL. */
static const char *find_gap(const char *text, const char *end)
{
	for (; end - text >= 2; text++)
		if (text[0] == ':' && text[1] == ':')
			return text;
	return NULL;
}

/* Eight groups, or fewer and one "::" for those that are left out. */
static bool is_ipv6(const char *text, const char *end)
{
	const char *gap = find_gap(text, end);
	unsigned int groups = 0;

	if (!gap)
		return count_groups(text, end) == IPV6_GROUPS;
	if (memchr(text, '.', gap - text))	/* an IPv4 address comes last */
		return false;
	if (gap > text)
		groups += count_groups(text, gap);
	if (gap + 2 < end)
		groups += count_groups(gap + 2, end);
	return groups < IPV6_GROUPS;
}

/* "v1.anything", for versions of IP to come. */
static bool is_future_ip(const char *text, const char *end)
{
	const char *start = ++text;

	while (text < end && is_hex(*text))
		text++;
	if (text == start || end - text < 2 || *text++ != '.')
		return false;
	while (text < end && (is_name_char(*text) || *text == ':'))
		text++;
	return text == end;
}

/* What is between the brackets. */
static bool is_literal(const char *text, const char *end)
{
	if (text < end && (*text | 0x20) == 'v')
		return is_future_ip(text, end);
	return is_ipv6(text, end);
}

/* Go over a registered name, or an IPv4 address, which is one as well. */
static const char *skip_name(const char *text, const char *end)
{
	while (text < end) {
		if (is_name_char(*text))
			text++;
		else if (*text == '%' && end - text > 2 && is_hex(text[1]) && is_hex(text[2]))
			text += 3;
		else
			break;
	}
	return text;
}

/**
 * tux_is_authority() - is it host [ ":" port ]?
 * @text: of a field Host, or of a target
 * @length: of @text
 *
 * The host may be empty. User information is refused: no client may send it (RFC 9110, 4.2.4).
 */
bool tux_is_authority(const char *text, unsigned int length)
{
	const char *end = text + length;

	if (length && *text == '[') {
		const char *close = memchr(text, ']', length);

		if (!close || !is_literal(text + 1, close))
			return false;
		text = close + 1;
	} else {
		text = skip_name(text, end);
	}
	if (text < end && *text++ != ':')
		return false;
	while (text < end && is_digit(*text))
		text++;
	return text == end;
}
