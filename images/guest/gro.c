// SPDX-License-Identifier: MIT
/* gro: `gro NIC on|off`: whether the kernel merges segments of one connection as it receives them.
 *
 * Generic receive offload came with Linux 2.6.29; ethtool, which switches it, is a package of its
 * own for this one call.
 */
#include "guest.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main_gro(int argc, char **argv)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SGRO };
	struct ifreq request = { .ifr_data = (void *)&value };
	int sock;

	if (argc != 3 || strlen(argv[1]) >= IFNAMSIZ ||
	    (strcmp(argv[2], "on") && strcmp(argv[2], "off"))) {
		fprintf(stderr, "usage: gro NIC on|off\n");
		return 2;
	}
	strcpy(request.ifr_name, argv[1]);
	value.data = !strcmp(argv[2], "on");
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (sock < 0 || ioctl(sock, SIOCETHTOOL, &request)) {
		perror("gro");
		return 1;
	}
	value.cmd = ETHTOOL_GGRO;
	if (ioctl(sock, SIOCETHTOOL, &request) || value.data != !strcmp(argv[2], "on")) {
		fprintf(stderr, "gro: %s did not take it\n", argv[1]);
		return 1;
	}
	return 0;
}
