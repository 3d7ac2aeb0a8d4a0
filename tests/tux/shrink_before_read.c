// SPDX-License-Identifier: MIT
/*
 * Preloaded into TUX as a process: the file NAME shrinks to SIZE bytes right before its page at
 * OFFSET is read, when TUX has already seen that it is long enough.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
	if (offset == OFFSET && truncate(NAME, SIZE))
		return -1;
	return syscall(SYS_pread64, fd, buf, size, offset);
}
