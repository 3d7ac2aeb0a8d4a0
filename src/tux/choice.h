/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module parameter whose values have names.
 */
#ifndef _TUX_CHOICE_H
#define _TUX_CHOICE_H

#ifdef __KERNEL__
#include <linux/moduleparam.h>
#include <linux/string.h>
#endif

/**
 * struct tux_choice - the argument of such a parameter
 * @names: of the values, which count from 0
 * @count: how many there are
 * @chosen: the value
 */
struct tux_choice {
	const char * const *names;
	unsigned int count;
	unsigned int chosen;
};

static inline int tux_set_choice(const char *value, const struct kernel_param *param)
{
	struct tux_choice *choice = param->arg;
	int found = match_string(choice->names, choice->count, value);

	if (found < 0)
		return found;
	choice->chosen = found;
	return 0;
}

static inline int tux_get_choice(char *buffer, const struct kernel_param *param)
{
	const struct tux_choice *choice = param->arg;

	return sprintf(buffer, "%s\n", choice->names[choice->chosen]);
}

#endif /* _TUX_CHOICE_H */
