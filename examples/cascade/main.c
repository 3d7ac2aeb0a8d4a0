/* SPDX-License-Identifier: MIT */
/* Options, sockets, signals: what is done once. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#include "cascade.h"

static const char usage[] =
	"usage: cascade [-a ADDRESS] [-p PORT] [-c CONNECTIONS] [-n REQUESTS] [-t MS] ROOT\n"
	"  -a  address to listen on (127.0.0.1)\n"
	"  -p  port to listen on (0: any free one, printed when ready)\n"
	"  -c  connections at once (10000)\n"
	"  -n  requests on one connection (10000)\n"
	"  -t  milliseconds that a client may take for a request, or to take a reply (10000)\n";

struct options {
	const char *address;
	const char *root;
	long port;
	long connections;
	long requests;
	long timeout_ms;
};

static void die(const char *what)
{
	fprintf(stderr, "cascade: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static long parse_number(char option, const char *text, long low, long high)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < low || value > high) {
		fprintf(stderr, "cascade: -%c takes a number from %ld to %ld, not \"%s\"\n",
			option, low, high, text);
		exit(2);
	}
	return value;
}

static void parse_options(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "a:p:c:n:t:")) != -1) {
		switch (option) {
		case 'a': options->address = optarg; break;
		case 'p': options->port = parse_number('p', optarg, 0, 65535); break;
		case 'c': options->connections = parse_number('c', optarg, 1, 1000000); break;
		case 'n': options->requests = parse_number('n', optarg, 1, INT_MAX); break;
		case 't': options->timeout_ms = parse_number('t', optarg, 1, 3600000); break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		exit(2);
	}
	options->root = argv[optind];
}

static int open_listener(const struct options *options)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int one = 1;
	int fd;

	if (inet_pton(AF_INET, options->address, &address.sin_addr) != 1) {
		fprintf(stderr, "cascade: \"%s\" is not an IPv4 address\n", options->address);
		exit(2);
	}
	address.sin_port = htons((uint16_t)options->port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("bind");
	if (listen(fd, 4096))
		die("listen");
	if (getsockname(fd, (struct sockaddr *)&address, &length))
		die("getsockname");
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

static void watch(struct server *server, int fd, void *tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = tag };

	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event))
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

static void start(struct server *server, const struct options *options)
{
	server->root_fd = open(options->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server->root_fd < 0)
		die(options->root);
	server->accepting = true;
	server->max_connections = (unsigned int)options->connections;
	server->max_requests = (unsigned int)options->requests;
	server->timers[TIMER_IDLE].timeout_ms = options->timeout_ms;
	server->timers[TIMER_REQUEST].timeout_ms = options->timeout_ms;
	server->timers[TIMER_SEND].timeout_ms = options->timeout_ms;
	server->timers[TIMER_LINGER].timeout_ms = options->timeout_ms / 5 + 1;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0)
		die("epoll_create1");
	server->signal_fd = open_signals();
	if (server->signal_fd < 0)
		die("signalfd");
	server->listen_fd = open_listener(options);
	watch(server, server->listen_fd, server);
	watch(server, server->signal_fd, &server->signal_fd);
}

int main(int argc, char **argv)
{
	struct options options = {
		.address = "127.0.0.1", .connections = 10000, .requests = 10000,
		.timeout_ms = 10000,
	};
	struct server server = { 0 };
	int error;

	parse_options(&options, argc, argv);
	raise_descriptor_limit();
	start(&server, &options);
	error = event_loop(&server);
	conn_trim_free_list();
	close(server.root_fd);
	close(server.signal_fd);
	close(server.epoll_fd);
	if (error)
		fprintf(stderr, "cascade: event loop: %s\n", strerror(-error));
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
