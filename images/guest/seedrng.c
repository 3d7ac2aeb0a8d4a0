// SPDX-License-Identifier: MIT
/* seedrng: credits the 64 bytes on stdin as entropy.
 *
 * Without it getrandom() waits for the kernel to gather some, billions of instructions long.
 */
#include "guest.h"

#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SEED_BYTES 64

int main_seedrng(int argc, char **argv)
{
	struct {
		struct rand_pool_info info;
		unsigned char bytes[SEED_BYTES];
	} seed = { .info = { .entropy_count = 8 * SEED_BYTES, .buf_size = SEED_BYTES } };
	int device;

	(void)argc;
	(void)argv;
	if (read(STDIN_FILENO, seed.info.buf, SEED_BYTES) != SEED_BYTES) {
		fprintf(stderr, "seedrng: %d bytes are needed on stdin\n", SEED_BYTES);
		return 1;
	}
	device = open("/dev/urandom", O_RDWR);
	if (device < 0 || ioctl(device, RNDADDENTROPY, &seed)) {
		perror("seedrng: /dev/urandom");
		return 1;
	}
	/* A new key from the pool now, not at some later request. */
	if (ioctl(device, RNDRESEEDCRNG)) {
		perror("seedrng: reseed");
		return 1;
	}
	return 0;
}
