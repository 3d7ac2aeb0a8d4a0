// SPDX-License-Identifier: MIT
/* mark start|stop|sync, mark note N, mark region ADDRESS LINES NUMBER, mark label N, mark parts */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum marker command;
	int arguments;
} marks[] = {
	{ "start", MARK_START, 0 }, { "stop", MARK_STOP, 0 },     { "sync", MARK_SYNC, 0 },
	{ "note", MARK_NOTE, 1 },   { "region", MARK_REGION, 3 }, { "label", MARK_LABEL, 1 },
};

/* Each line of the input names a word of a part; the emulator reads the line where it is. */
static int mark_parts(void)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		execute_marker(MARK_PART, (uintptr_t)line, strlen(line));
	}
	return ferror(stdin) ? 1 : 0;
}

int main_mark(int argc, char **argv)
{
	uint32_t value[3] = { 0 };

	if (argc == 2 && !strcmp(argv[1], "parts"))
		return mark_parts();
	for (unsigned int i = 0; argc > 1 && i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strcmp(argv[1], marks[i].name) || argc - 2 != marks[i].arguments)
			continue;
		for (int j = 2; j < argc; j++) {
			char *end;

			value[j - 2] = strtoul(argv[j], &end, 0);
			if (*end || end == argv[j]) {
				fprintf(stderr, "mark: not a number: %s\n", argv[j]);
				return 2;
			}
		}
		execute_marker(marks[i].command, value[0], value[1] << 8 | (value[2] & 0xff));
		return 0;
	}
	fprintf(stderr, "usage: mark start|stop|sync | note N | region ADDRESS LINES NUMBER"
			" | label N | parts < LINES\n");
	return 2;
}
