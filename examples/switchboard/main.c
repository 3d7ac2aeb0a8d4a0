/* SPDX-License-Identifier: MIT */
/* Options, sockets, signals: what is done once. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "switchboard.h"

static void die(const char *what)
{
	fprintf(stderr, "switchboard: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void die_usage(void)
{
	fputs("usage: switchboard [-a ADDRESS] [-p PORT] [-c LINES] [-n REQUESTS] [-t MS] ROOT\n"
	      "  -a  address to listen on (127.0.0.1)\n"
	      "  -p  port to listen on (0: any free one, printed when ready)\n"
	      "  -c  lines at once (10000)\n"
	      "  -n  requests on one line (10000)\n"
	      "  -t  milliseconds that a client may take for each step (10000)\n", stderr);
	exit(2);
}

static long parse_number(const char *text, long low, long high)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < low || value > high) {
		fprintf(stderr, "switchboard: \"%s\" is not a number from %ld to %ld\n", text, low,
			high);
		die_usage();
	}
	return value;
}

static int open_listener(const char *name, long port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t length = sizeof(address);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, name, &address.sin_addr) != 1)
		die_usage();
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		die(name);
	printf("port %u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void watch(struct board *board, int fd, void *tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = tag };

	if (epoll_ctl(board->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	struct board board = { .max_lines = 10000, .max_requests = 10000, .timeout_ms = 10000,
			       .accepting = true };
	const char *address = "127.0.0.1";
	long port = 0;
	int option, error;

	while ((option = getopt(argc, argv, "a:p:c:n:t:")) != -1) {
		switch (option) {
		case 'a': address = optarg; break;
		case 'p': port = parse_number(optarg, 0, 65535); break;
		case 'c': board.max_lines = (unsigned int)parse_number(optarg, 1, 1000000); break;
		case 'n': board.max_requests = (unsigned int)parse_number(optarg, 1, 1000000); break;
		case 't': board.timeout_ms = parse_number(optarg, 1, 3600000); break;
		default: die_usage();
		}
	}
	if (optind + 1 != argc)
		die_usage();
	board.root_fd = open(argv[optind], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (board.root_fd < 0)
		die(argv[optind]);
	raise_descriptor_limit();
	board.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	board.signal_fd = open_signals();
	if (board.epoll_fd < 0 || board.signal_fd < 0)
		die("epoll");
	board.listen_fd = open_listener(address, port);
	watch(&board, board.listen_fd, &board);
	watch(&board, board.signal_fd, &board.signal_fd);
	error = event_loop(&board);
	release_free_lists();
	close(board.root_fd);
	close(board.signal_fd);
	close(board.epoll_fd);
	if (error)
		fprintf(stderr, "switchboard: event loop: %s\n", strerror(-error));
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
