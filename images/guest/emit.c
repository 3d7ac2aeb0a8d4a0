// SPDX-License-Identifier: MIT
/* emit NAME < FILE: one frame, `@@ NAME LENGTH\n` + bytes + `\n`, to the debug port 0xe9. */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define DEBUG_PORT 0xe9
#define CHUNK 65536

int main_emit(int argc, char **argv)
{
	char header[256], *data = NULL;
	size_t size = 0, room = 0;
	ssize_t got;
	int length;

	if (argc != 2) {
		fprintf(stderr, "usage: emit NAME < FILE\n");
		return 2;
	}
	do {
		if (room - size < CHUNK) {
			room = 2 * room + CHUNK;
			data = realloc(data, room);
			if (!data) {
				perror("emit");
				return 1;
			}
		}
		got = read(STDIN_FILENO, data + size, room - size);
		if (got < 0) {
			perror("emit");
			return 1;
		}
		size += got;
	} while (got);

	if (ioperm(DEBUG_PORT, 1, 1)) {
		perror("emit: ioperm");
		return 1;
	}
	length = snprintf(header, sizeof(header), "@@ %s %zu\n", argv[1], size);
	if (length < 0 || length >= (int)sizeof(header)) {
		fprintf(stderr, "emit: the name is too long\n");
		return 2;
	}
	outsb(DEBUG_PORT, header, length);
	outsb(DEBUG_PORT, data, size);
	outb('\n', DEBUG_PORT);
	return 0;
}
