// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of objects: from the target of a request to what the file system is asked for.
 *
 * Context: any; pure. The checks here give a clear answer early; that a name cannot leave the
 * document root is ensured by the path walk itself (lookup.c).
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Does a component named ".." end right before @end? */
static bool ends_in_dotdot(const char *start, const char *end)
{
	return end - start >= 2 && end[-1] == '.' && end[-2] == '.' &&
	       (end - start == 2 || end[-3] == '/');
}

/**
 * tux_decode_path() - undo the percent encoding
 * @to: the name, relative and closed by a NUL; room for @length + 1 bytes
 * @from: a path that starts with a slash
 * @length: of @from
 *
 * Return: length of the name, or -EINVAL: bad encoding, a NUL, or a component "..".
 */
int tux_decode_path(char *to, const char *from, unsigned int length)
{
	const char *end = from + length;
	char *out = to;

	while (from < end && *from == '/')
		from++;
	while (from < end) {
		char c = *from++;

		if (c == '%') {
			int high = from < end ? hex_value(from[0]) : -1;
			int low = from + 1 < end ? hex_value(from[1]) : -1;

			if (high < 0 || low < 0 || !(high | low))
				return -EINVAL;
			c = high << 4 | low;
			from += 2;
		}
		if (c == '/' && ends_in_dotdot(to, out))
			return -EINVAL;
		if (c != '/' || out != to)
			*out++ = c;
	}
	if (ends_in_dotdot(to, out))
		return -EINVAL;
	*out = 0;
	return out - to;
}

/**
 * tux_virtual_host_name() - the directory of a virtual host
 * @to: the name in lower case, without the port
 * @room: size of @to
 * @host: from the field Host or the target
 * @length: of @host
 *
 * Return: length of the name; 0 if there is none that could be a directory's.
 */
int tux_virtual_host_name(char *to, unsigned int room, const char *host, unsigned int length)
{
	unsigned int i;

	if (length && host[0] == '[')
		return 0;
	for (i = 0; i < length && host[i] != ':'; i++) {
		char c = host[i];

		if (i + 1 >= room || (c == '.' && !i))
			return 0;
		to[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	if (i && to[i - 1] == '.')	/* "host." is "host" */
		i--;
	to[i] = 0;
	return i;
}
