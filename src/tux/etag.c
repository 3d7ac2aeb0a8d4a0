// SPDX-License-Identifier: GPL-2.0-only
/* Lists of entity tags (RFC 9110, 8.8.3). Context: any; pure. */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

/**
 * tux_etag_listed() - is the tag of an object among those that a client names?
 * @list: value of If-Match or If-None-Match
 * @length: of @list
 * @etag: of the object, with its quotes
 * @etag_length: of @etag
 * @weak: whether W/"x" equals "x"
 */
bool tux_etag_listed(const char *list, unsigned int length, const char *etag,
		     unsigned int etag_length, bool weak)
{
	const char *end = list + length;

	if (length == 1 && *list == '*')
		return true;
	while (list < end) {
		const char *start;
		bool comparable = true;

		while (list < end && (*list == ' ' || *list == '\t' || *list == ','))
			list++;
		if (end - list >= 2 && list[0] == 'W' && list[1] == '/') {
			comparable = weak;
			list += 2;
		}
		start = list;
		if (list == end || *list++ != '"')
			return false;
		while (list < end && *list != '"')
			list++;
		if (list == end)
			return false;
		list++;
		if (comparable && list - start == etag_length &&
		    !memcmp(start, etag, etag_length))
			return true;
	}
	return false;
}
