// SPDX-License-Identifier: GPL-2.0-only
/*
 * Third stage: find the object, decide about the answer, write its header into an abuf.
 *
 * Context: the lookup runs in the fast thread as long as caches suffice, else again in a helper
 * thread, which then sends the request back; the rest runs in the fast thread only.
 */
#include "tux.h"

static const char index_name[] = "index.html";

/* The status that an error of the file system means to a client. */
static int status_of_error(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
	case -EINVAL:
		return 404;
	case -EACCES:
	case -EPERM:
	case -ELOOP:
	case -EXDEV:
		return 403;
	case -ENOMEM:
	case -ENFILE:
	case -EMFILE:
		return 503;
	default:
		return 500;
	}
}

/*
 * A directory below the document root. A file is no host, nor is a link to one, nor a link to the
 * document root, since what lies beside the hosts' directories belongs to none of them.
 */
static int find_host(const char *name, int cachemiss, struct path *root)
{
	int ret = lookup_path(&tux_server.root, name, cachemiss, root);

	if (ret || (d_is_dir(root->dentry) && !path_equal(root, &tux_server.root)))
		return ret;
	path_put(root);
	return -ENOTDIR;
}

/* With net.tux.virtual_server each host has a directory, and the others share "default". */
static int find_root(struct tux_req *req, int cachemiss, struct path *root)
{
	struct tux_slice host = req->message.host;
	char name[128];
	int ret = -ENOENT;

	if (!tux_knobs.virtual_server) {
		*root = tux_server.root;
		path_get(root);
		return 0;
	}
	if (tux_virtual_host_name(name, sizeof(name), tux_head(req) + host.offset, host.length))
		ret = find_host(name, cachemiss, root);
	if (ret && status_of_error(ret) < 500)
		ret = find_host("default", cachemiss, root);
	return ret;
}

/* The index of a directory; without the slash at its end the client must ask again. */
static int find_index(const struct path *root, char *name, int length, int cachemiss,
		      struct path *path)
{
	int ret;

	path_put(path);
	if (length && name[length - 1] != '/')
		return 301;
	strcpy(name + length, index_name);
	ret = lookup_path(root, name, cachemiss, path);
	return ret == -ENOENT ? 403 : ret;
}

/* Find what @name means below @root and open it. Return: 0, a status, or an error. */
static int find_below(struct tux_req *req, const struct path *root, char *name, int length,
		      int cachemiss)
{
	struct path path;
	int ret = lookup_path(root, name, cachemiss, &path);

	if (!ret && d_is_dir(path.dentry))
		ret = find_index(root, name, length, cachemiss, &path);
	if (ret)
		return ret;
	ret = open_object(req, &path, cachemiss);
	path_put(&path);
	req->type = tux_mime_type(name, strlen(name));
	return ret;
}

static int find_named(struct tux_req *req, char *name, int length, int cachemiss)
{
	struct path root;
	int ret = find_root(req, cachemiss, &root);

	if (ret)
		return ret;
	ret = find_below(req, &root, name, length, cachemiss);
	path_put(&root);
	return ret;
}

/* The page that explains to people that there is none, if there is one. */
static int find_error_page(struct tux_req *req, int cachemiss)
{
	char name[TUX_PATH_MAX + sizeof(index_name)];
	int length = strscpy(name, tux_knobs.page_404, TUX_PATH_MAX);
	int ret;

	if (length <= 0)
		return 404;
	ret = find_below(req, &tux_server.root, name, length, cachemiss);
	return ret == -EAGAIN ? ret : 404;
}

/**
 * find_object() - open what the request asks for
 * @req: understood
 * @cachemiss: whether this may block
 *
 * Return: 200, another status, or -EAGAIN if it would have to block.
 */
static int find_object(struct tux_req *req, int cachemiss)
{
	struct tux_slice path = req->message.path;
	char *name = get_abuf(req, path.length + sizeof(index_name));
	int ret;

	if (!name)
		return path.length + sizeof(index_name) > PAGE_SIZE ? 414 : 503;
	ret = tux_decode_path(name, tux_head(req) + path.offset, path.length);
	if (ret < 0)
		ret = 400;
	else
		ret = find_named(req, name, ret, cachemiss);
	trim_abuf(req, 0);
	free_abuf(req);
	if (ret < 0 && ret != -EAGAIN)
		ret = status_of_error(ret);
	if (ret == 404)
		ret = find_error_page(req, cachemiss);
	if (ret == 301 && !slash_reply_fits(req))
		ret = 414;
	return ret ? : 200;
}

static void reply(struct tux_req *req)
{
	int ret;

	if (req->file)
		ret = compose_object_reply(req, req->status);
	else if (req->status == 301)
		ret = compose_slash_reply(req);
	else {
		refuse_request(req, req->status);
		return;
	}
	if (ret) {
		abort_request(req);
		return;
	}
	consume_input(req, req->message.length);
	req->linger = req->message.has_body;
	send_reply(req);
}

void process_message(struct tux_req *req, int cachemiss)
{
	tux_count_stage(req, TUX_STAGE_process);
	if (!req->status) {
		int ret = find_object(req, cachemiss);

		if (ret == -EAGAIN) {
			add_tux_atom(req, process_message);
			queue_cachemiss(req);
			return;
		}
		req->status = ret;
	}
	if (cachemiss) {
		add_tux_atom(req, process_message);
		add_req_to_workqueue(req);
		return;
	}
	reply(req);
}
