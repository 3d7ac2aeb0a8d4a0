/* SPDX-License-Identifier: MIT */
/* What bodies are made of: a file, a listing of a directory, a line of text that refuses. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "switchboard.h"

#define CHUNK_FRAME 16		/* bytes around a chunk: its length, and two line ends */

static int refusal_of_errno(int error)
{
	if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG)
		return 404;
	return error == EACCES || error == EPERM ? 403 : 503;
}

/* "/a//b" is looked up as "a//b", and "/" as "." */
static const char *relative_path(const struct exchange *exchange)
{
	const char *path = exchange->path + strspn(exchange->path, "/");

	return *path ? path : ".";
}

static int open_readable(const struct line *line, int flags, struct stat *stat)
{
	int fd = openat(line->board->root_fd, relative_path(line->exchange),
			flags | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -refusal_of_errno(errno);
	if (fstat(fd, stat)) {
		error = errno;
		close(fd);
		return -refusal_of_errno(error);
	}
	if (!(stat->st_mode & S_IROTH)) {
		close(fd);
		return -403;
	}
	return fd;
}

static int file_open(struct line *line)
{
	struct file_body *file;
	struct stat stat;
	int status = 403;
	int fd = open_readable(line, 0, &stat);

	if (fd < 0)
		return -fd;
	if (!S_ISREG(stat.st_mode))
		goto refused;
	status = 503;
	file = malloc(sizeof(*file));
	if (!file)
		goto refused;
	file->fd = fd;
	file->at = 0;
	file->size = stat.st_size;
	line->exchange->body.file = file;
	line->exchange->length = stat.st_size;
	return 0;

refused:
	close(fd);
	return status;
}

static ssize_t file_fill(struct line *line, char *to, size_t room)
{
	struct file_body *file = line->exchange->body.file;
	off_t left = file->size - file->at;
	ssize_t got;

	if (left == 0)
		return 0;
	got = pread(file->fd, to, left < (off_t)room ? (size_t)left : room, file->at);
	if (got <= 0)
		return -EIO;		/* the file has become shorter than we said */
	file->at += got;
	return got;
}

static void file_close(struct line *line)
{
	close(line->exchange->body.file->fd);
	free(line->exchange->body.file);
}

static int listing_open(struct line *line)
{
	struct listing *listing;
	struct stat stat;
	int status = 503;
	int fd = open_readable(line, O_DIRECTORY, &stat);

	if (fd < 0)
		return -fd;
	listing = malloc(sizeof(*listing));
	if (!listing)
		goto close_fd;
	listing->dir = fdopendir(fd);
	if (!listing->dir)
		goto free_listing;
	listing->finished = false;
	line->exchange->body.listing = listing;
	line->exchange->length = -1;
	if (line->exchange->minor_version > 0)
		line->exchange->chunked = true;
	else
		line->exchange->keep_alive = false;
	return 0;

free_listing:
	free(listing);
close_fd:
	close(fd);
	return status;
}

/* The next name that does not begin with a dot, as a line; nothing that could break the line. */
static size_t next_entry(DIR *dir, char name[NAME_MAX + 2])
{
	const struct dirent *entry;
	size_t length;

	do {
		entry = readdir(dir);
	} while (entry && entry->d_name[0] == '.');
	if (!entry)
		return 0;
	for (length = 0; entry->d_name[length]; length++)
		name[length] = (unsigned char)entry->d_name[length] < ' ' ? '?'
									  : entry->d_name[length];
	name[length++] = '\n';
	return length;
}

/* As many lines as there is room for; in chunks of one line if the length cannot be told. */
static ssize_t listing_fill(struct line *line, char *to, size_t room)
{
	struct listing *listing = line->exchange->body.listing;
	bool chunked = line->exchange->chunked;
	char name[NAME_MAX + 2];
	size_t total = 0;

	while (!listing->finished && total + sizeof(name) + CHUNK_FRAME <= room) {
		size_t length = next_entry(listing->dir, name);

		listing->finished = length == 0;
		if (chunked)
			total += (size_t)sprintf(to + total, "%zx\r\n", length);
		memcpy(to + total, name, length);
		total += length;
		if (chunked)
			total += (size_t)sprintf(to + total, "\r\n");
	}
	return (ssize_t)total;
}

static void listing_close(struct line *line)
{
	closedir(line->exchange->body.listing->dir);
	free(line->exchange->body.listing);
}

static int text_open(struct line *line)
{
	struct exchange *exchange = line->exchange;
	struct text_body *text = malloc(sizeof(*text));

	if (!text)
		return 503;
	text->at = 0;
	text->length = (size_t)snprintf(text->text, TEXT_SIZE, "%d %s\n", exchange->status,
					reason_of(exchange->status));
	exchange->body.text = text;
	exchange->length = (off_t)text->length;
	return 0;
}

static ssize_t text_fill(struct line *line, char *to, size_t room)
{
	struct text_body *text = line->exchange->body.text;
	size_t left = text->length - text->at;

	if (left > room)
		left = room;
	memcpy(to, text->text + text->at, left);
	text->at += left;
	return (ssize_t)left;
}

static void text_close(struct line *line)
{
	free(line->exchange->body.text);
}

const struct body_ops file_ops = {
	.open = file_open,
	.fill = file_fill,
	.close = file_close,
};

const struct body_ops listing_ops = {
	.open = listing_open,
	.fill = listing_fill,
	.close = listing_close,
};

const struct body_ops text_ops = {
	.open = text_open,
	.fill = text_fill,
	.close = text_close,
};

const struct body_ops *choose_body(struct line *line)
{
	struct stat stat;

	if (line->exchange->status)
		return &text_ops;
	if (fstatat(line->board->root_fd, relative_path(line->exchange), &stat, 0) == 0 &&
	    S_ISDIR(stat.st_mode))
		return &listing_ops;
	return &file_ops;
}
