// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dates of HTTP (RFC 9110, 5.6.7): written in one form, read in three.
 *
 * Context: any; pure. Days are counted in the proleptic Gregorian calendar, with years that begin
 * in March, so that the leap day is the last of its year.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#else
#include "user/kernel.h"
#endif
#include "parse.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

#define SECONDS_A_DAY		86400
#define DAYS_TO_EPOCH		719468	/* from 0000-03-01 to 1970-01-01 */
#define DAYS_OF_400_YEARS	146097

static s64 count_days(unsigned int year, unsigned int month, unsigned int day)
{
	unsigned int y = year - (month <= 2);
	unsigned int m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 -
	       (s64)DAYS_TO_EPOCH;
}

static void put_two_digits(char *to, unsigned int value)
{
	to[0] = '0' + value / 10;
	to[1] = '0' + value % 10;
}

/**
 * tux_format_date() - write a date
 * @to: takes TUX_DATE_LENGTH characters, and no NUL
 * @seconds: since 1970; what lies before that year or after 9999 is moved to its border
 */
void tux_format_date(char *to, s64 seconds)
{
	s64 last = count_days(9999, 12, 31) * SECONDS_A_DAY + SECONDS_A_DAY - 1;
	unsigned int days, second, era_day, y, m, year_day, era_year;
	u32 rest;

	seconds = clamp_t(s64, seconds, 0, last);
	days = div_u64_rem(seconds, SECONDS_A_DAY, &rest);
	second = rest;
	memcpy(to, weekdays + (days + 4) % 7 * 3, 3);

	days += DAYS_TO_EPOCH;
	era_day = days % DAYS_OF_400_YEARS;
	era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
	m = (5 * year_day + 2) / 153;
	y = days / DAYS_OF_400_YEARS * 400 + era_year + (m >= 10);

	memcpy(to + 3, ", dd Mmm yyyy hh:mm:ss GMT", 26);
	put_two_digits(to + 5, year_day - (153 * m + 2) / 5 + 1);
	memcpy(to + 8, months + (m < 10 ? m + 2 : m - 10) * 3, 3);
	put_two_digits(to + 12, y / 100);
	put_two_digits(to + 14, y % 100);
	put_two_digits(to + 17, second / 3600);
	put_two_digits(to + 20, second / 60 % 60);
	put_two_digits(to + 23, second % 60);
}

/* What a date is read into; the letters of a form say which part comes next. */
struct parts {
	unsigned int day, month, year, hour, minute, second;
	bool short_year;
};

static bool read_number(const char **text, const char *end, unsigned int digits,
			unsigned int *value)
{
	for (*value = 0; digits--; (*text)++) {
		if (*text >= end || **text < '0' || **text > '9')
			return false;
		*value = *value * 10 + **text - '0';
	}
	return true;
}

/* One of some names of three letters each. */
static bool read_name(const char **text, const char *end, const char *names, unsigned int *index)
{
	unsigned int i;

	for (i = 0; end - *text >= 3 && names[i * 3]; i++) {
		if (!memcmp(*text, names + i * 3, 3)) {
			*text += 3;
			*index = i;
			return true;
		}
	}
	return false;
}

static bool read_month(const char **text, const char *end, unsigned int *month)
{
	bool ok = read_name(text, end, months, month);

	(*month)++;
	return ok;
}

/* "Sun", or, if it is @long_name, "Sunday". */
static bool read_weekday(const char **text, const char *end, bool long_name)
{
	static const char * const rest[] = {
		"day", "day", "sday", "nesday", "rsday", "day", "urday",
	};
	unsigned int weekday, length;

	if (!read_name(text, end, weekdays, &weekday))
		return false;
	length = long_name ? strlen(rest[weekday]) : 0;
	if (end - *text < length || memcmp(*text, rest[weekday], length))
		return false;
	*text += length;
	return true;
}

/* A day of one digit, after a space in place of the other: "Nov  6". */
static bool read_padded_day(const char **text, const char *end, unsigned int *day)
{
	if (*text < end && **text == ' ') {
		(*text)++;
		return read_number(text, end, 1, day);
	}
	return read_number(text, end, 2, day);
}

static bool read_form(const char *text, const char *end, const char *form, struct parts *parts)
{
	bool ok = true;

	for (; ok && *form; form++) {
		switch (*form) {
		case 'w':
		case 'W':
			ok = read_weekday(&text, end, *form == 'W');
			break;
		case 'd':
			ok = read_number(&text, end, 2, &parts->day);
			break;
		case 'p':
			ok = read_padded_day(&text, end, &parts->day);
			break;
		case 'b':
			ok = read_month(&text, end, &parts->month);
			break;
		case 'y':
			ok = read_number(&text, end, 2, &parts->year);
			parts->short_year = true;
			break;
		case 'Y':
			ok = read_number(&text, end, 4, &parts->year);
			break;
		case 'H':
			ok = read_number(&text, end, 2, &parts->hour);
			break;
		case 'i':
			ok = read_number(&text, end, 2, &parts->minute);
			break;
		case 's':
			ok = read_number(&text, end, 2, &parts->second);
			break;
		default:
			ok = text < end && *text++ == *form;
		}
	}
	return ok && text == end;
}

/* Of a leap second, the second before. */
static s64 count_seconds(const struct parts *parts)
{
	return count_days(parts->year, parts->month, parts->day) * SECONDS_A_DAY +
	       parts->hour * 3600 + parts->minute * 60 + min(parts->second, 59U);
}

/* RFC 9110, 5.6.7: what would be more than 50 years after @now is of the century before. */
static void complete_year(struct parts *parts, s64 now)
{
	parts->year += 2000 - 50;
	parts->year += count_seconds(parts) > now ? 50 - 100 : 50;
}

/* There is no year 0, and no 30 February. */
static bool is_possible(const struct parts *parts)
{
	return parts->year >= 1 && parts->day >= 1 && parts->hour < 24 && parts->minute < 60 &&
	       parts->second <= 60 &&
	       count_days(parts->year, parts->month, parts->day) <
	       count_days(parts->year, parts->month + 1, 1);
}

/**
 * tux_parse_date() - read a date
 * @value: in any of the three forms
 * @length: of @value
 * @now: in seconds since 1970, to tell the century of a year of two digits
 * @seconds: since 1970
 *
 * Return: 0, or -EINVAL if it is none.
 */
int tux_parse_date(const char *value, unsigned int length, s64 now, s64 *seconds)
{
	/* Whether the weekday is that of the date is not looked at. */
	static const char * const forms[] = {
		"w, d b Y H:i:s GMT",	/* Sun, 06 Nov 1994 08:49:37 GMT */
		"W, d-b-y H:i:s GMT",	/* Sunday, 06-Nov-94 08:49:37 GMT */
		"w b p H:i:s Y",	/* Sun Nov  6 08:49:37 1994 */
	};
	struct parts parts;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		parts.short_year = false;
		if (read_form(value, value + length, forms[i], &parts))
			break;
	}
	if (i == ARRAY_SIZE(forms))
		return -EINVAL;
	if (parts.short_year)
		complete_year(&parts, now);
	if (!is_possible(&parts))
		return -EINVAL;
	*seconds = count_seconds(&parts);
	return 0;
}
