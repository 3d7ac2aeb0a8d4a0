// SPDX-License-Identifier: MIT
/* Calls the guest program that this binary was started as. */
#include "guest.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
	{ "emit", main_emit },
	{ "gro", main_gro },
	{ "mark", main_mark },
	{ "pchase", main_pchase },
	{ "powerdown", main_powerdown },
	{ "seedrng", main_seedrng },
};

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	for (unsigned int i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!strcmp(name, programs[i].name))
			return programs[i].main(argc, argv);
	}
	fprintf(stderr, "guest: no program %s\n", name);
	return 127;
}
