// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preconditions and ranges, in the order of RFC 9110, 13.2.2.
 *
 * Context: the fast thread that owns the request.
 */
#include "tux.h"

static bool list_names(const struct tux_req *req, struct tux_slice list,
		       const struct tux_version *version, bool weak)
{
	return tux_etag_listed(tux_head(req) + list.offset, list.length, version->etag,
			       version->etag_length, weak);
}

/* Is the version among the entity tags of all fields @name, of which @list is the first? */
static bool names_version(const struct tux_req *req, const char *name, struct tux_slice list,
			  const struct tux_version *version, bool weak)
{
	bool named = list_names(req, list, version, weak);

	if (likely(!req->message.repeated))
		return named;
	while (!named && tux_next_field(tux_head(req), req->message.length, name, &list))
		named = list_names(req, list, version, weak);
	return named;
}

/* "*" stands for any version; else the tags count, of which a weak one is no match for If-Match. */
static bool is_matched(const struct tux_req *req, const struct tux_version *version)
{
	struct tux_slice list = req->message.if_match;

	if (version->weak)
		return list.length == 1 && tux_head(req)[list.offset] == '*';
	return names_version(req, "if-match", list, version, false);
}

/* A date that is none makes its field void. */
static bool read_date(const struct tux_req *req, struct tux_slice field, s64 *seconds)
{
	return tux_present(field) &&
	       !tux_parse_date(tux_head(req) + field.offset, field.length,
			       ktime_get_real_seconds(), seconds);
}

static bool precondition_failed(const struct tux_req *req, const struct tux_version *version)
{
	const struct tux_message *message = &req->message;
	s64 date;

	if (tux_present(message->if_match))
		return !is_matched(req, version);
	if (read_date(req, message->if_unmodified_since, &date))
		return version->modified > date;
	return false;
}

static bool is_not_modified(const struct tux_req *req, const struct tux_version *version)
{
	const struct tux_message *message = &req->message;
	s64 date;

	if (tux_present(message->if_none_match))
		return names_version(req, "if-none-match", message->if_none_match, version, true);
	if (read_date(req, message->if_modified_since, &date))
		return version->modified <= date;
	return false;
}

/* If-Range: is the part that the client has of this version? It names one tag, which must be
 * strong, or a date, which must match exactly and be too old for a second change within its second.
 */
static bool has_this_version(const struct tux_req *req, const struct tux_version *version)
{
	struct tux_slice field = req->message.if_range;
	s64 date;

	if (!tux_present(field))
		return true;
	if (read_date(req, field, &date))
		return date == version->modified && date < ktime_get_real_seconds();
	return !version->weak && field.length == version->etag_length &&
	       !memcmp(tux_head(req) + field.offset, version->etag, field.length);
}

/**
 * evaluate_conditions() - decide between the whole object, a part of it, and none
 * @req: body_start and body_end become those of the part, if one is asked for
 * @version: of the object
 *
 * Return: 200, 206, 304, 412 or 416.
 */
unsigned int evaluate_conditions(struct tux_req *req, const struct tux_version *version)
{
	struct tux_slice range = req->message.range;

	if (precondition_failed(req, version))
		return 412;
	if (is_not_modified(req, version))
		return 304;
	if (!tux_present(range) || req->message.method != TUX_GET)
		return 200;
	if (!has_this_version(req, version))
		return 200;
	switch (tux_parse_range(tux_head(req) + range.offset, range.length, version->size,
				&req->body_start, &req->body_end)) {
	case TUX_RANGE_ONE:
		return 206;
	case TUX_RANGE_UNSATISFIABLE:
		return 416;
	default:
		return 200;
	}
}
