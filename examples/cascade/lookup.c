/* SPDX-License-Identifier: MIT */
/* From the path of a request to an open file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cascade.h"

struct media_type {
	const char *suffix;
	const char *type;
};

static const struct media_type media_types[] = {
	{ ".css", "text/css" },
	{ ".gif", "image/gif" },
	{ ".html", "text/html" },
	{ ".jpg", "image/jpeg" },
	{ ".js", "text/javascript" },
	{ ".json", "application/json" },
	{ ".png", "image/png" },
	{ ".svg", "image/svg+xml" },
	{ ".txt", "text/plain" },
};

static const char *find_media_type(const char *path)
{
	const char *suffix = strrchr(path, '.');

	for (size_t i = 0; suffix && i < sizeof(media_types) / sizeof(media_types[0]); i++) {
		if (strcasecmp(suffix, media_types[i].suffix) == 0)
			return media_types[i].type;
	}
	return "application/octet-stream";
}

static int status_of_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
		return 403;
	default:
		return 503;
	}
}

static struct file_state *file_state_new(int fd, const struct stat *stat, const char *path)
{
	struct file_state *file = malloc(sizeof(*file));

	if (!file)
		return NULL;
	file->fd = fd;
	file->offset = 0;
	file->size = stat->st_size;
	file->modified = stat->st_mtime;
	file->media_type = find_media_type(path);
	return file;
}

/* Takes the descriptor over. */
static int adopt_file(struct conn *conn, int fd, const char *path)
{
	struct stat stat;
	int status = 503;

	if (fstat(fd, &stat))
		goto refused;
	status = 403;
	if (!S_ISREG(stat.st_mode) || !(stat.st_mode & S_IROTH))
		goto refused;
	status = 503;
	conn->file = file_state_new(fd, &stat, path);
	if (!conn->file)
		goto refused;
	return 0;

refused:
	close(fd);
	return status;
}

static int open_at(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_index(struct conn *conn, int dir_fd)
{
	int fd = open_at(dir_fd, "index.html");
	int error = errno;

	close(dir_fd);
	if (fd < 0)
		return status_of_errno(error);
	return adopt_file(conn, fd, "index.html");
}

static int open_path(struct conn *conn, const char *path)
{
	const char *relative = path[1] ? path + 1 : ".";
	struct stat stat;
	int fd = open_at(conn->server->root_fd, relative);

	if (fd < 0)
		return status_of_errno(errno);
	if (fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode)) {
		if (path[strlen(path) - 1] == '/')
			return open_index(conn, fd);
		close(fd);
		return 301;
	}
	return adopt_file(conn, fd, path);
}

void stage_lookup(struct conn *conn)
{
	int status = open_path(conn, conn->request.path);

	if (status) {
		refuse(conn, status);
	} else {
		time_t since = conn->request.modified_since;

		conn->status = since && since >= conn->file->modified ? 304 : 200;
		push_stage(conn, stage_head);
	}
	make_runnable(conn);
}
