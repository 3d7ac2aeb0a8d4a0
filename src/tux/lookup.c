// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TUX asks of the file system. Names are walked below a root that they cannot leave, neither
 * by "..", nor by a symbolic link, nor by a rename during the walk (LOOKUP_IN_ROOT).
 *
 * Context: with @cachemiss 0 nothing here waits for a disk: it returns -EAGAIN (lookup, open) or
 * -ENODATA (body) instead, and the stage is repeated in a helper thread. Both kinds of threads
 * have dropped their privileges: permissions are those of net.tux.uid and net.tux.gid.
 */
#include "tux.h"

/**
 * lookup_path() - walk a name
 * @root: where names begin, and which they cannot leave
 * @name: relative; may be empty
 * @cachemiss: whether this may block
 * @path: the result, referenced
 *
 * Return: 0; -EAGAIN if it would have to block; or another error.
 */
int lookup_path(const struct path *root, const char *name, int cachemiss, struct path *path)
{
	unsigned int flags = LOOKUP_FOLLOW | LOOKUP_IN_ROOT | LOOKUP_NO_MAGICLINKS;

	if (!*name) {
		*path = *root;
		path_get(path);
		return 0;
	}
	if (!cachemiss)
		flags |= LOOKUP_CACHED;
	return vfs_path_lookup(root->dentry, root->mnt, name, flags, path);
}

static int may_serve(const struct path *path, int cachemiss)
{
	struct inode *inode = d_backing_inode(path->dentry);
	int ret;

	if (!S_ISREG(inode->i_mode))
		return -EACCES;
	if (inode->i_mode & tux_knobs.mode_forbidden)
		return -EACCES;
	if (tux_knobs.mode_allowed && !(inode->i_mode & tux_knobs.mode_allowed))
		return -EACCES;
	if (tux_knobs.max_object_size && i_size_read(inode) > tux_knobs.max_object_size)
		return -EACCES;
	ret = inode_permission(mnt_user_ns(path->mnt), inode,
			       MAY_READ | (cachemiss ? 0 : MAY_NOT_BLOCK));
	return ret == -ECHILD ? -EAGAIN : ret;
}

/**
 * open_object() - open a file, if it may be served
 * @req: owns the file afterwards
 * @path: of the file
 * @cachemiss: whether this may block
 *
 * Return: 0; -EAGAIN if it would have to block; or another error.
 */
int open_object(struct tux_req *req, const struct path *path, int cachemiss)
{
	int flags = O_RDONLY | O_LARGEFILE | (cachemiss ? 0 : O_NONBLOCK);
	int ret = may_serve(path, cachemiss);
	struct file *file;

	if (ret)
		return ret;
	file = dentry_open(path, flags, current_cred());
	if (IS_ERR(file))
		return PTR_ERR(file);
	req->file = file;
	tux_object_born(TUX_OBJECT_file, file, sizeof(*file));
	return 0;
}

static void drop_body_page(struct tux_req *req)
{
	if (!req->page)
		return;
	tux_object_gone(TUX_OBJECT_page, page_address(req->page), PAGE_SIZE);
	put_page(req->page);
	req->page = NULL;
}

/**
 * close_object() - close the file of a request
 * @req: has one, perhaps
 *
 * fput() in a kernel thread leaves the work to another thread, at the price of two switches a
 * request. The file is only read here, and this thread is needed by no unmount, so that it can do
 * the work itself.
 */
void close_object(struct tux_req *req)
{
	drop_body_page(req);
	if (!req->file)
		return;
	tux_object_gone(TUX_OBJECT_file, req->file, sizeof(*req->file));
	__fput_sync(req->file);
	req->file = NULL;
}

/**
 * find_body_page() - the page with the next byte of the body, if it is in memory
 * @req: its file is open
 *
 * Return: the page, referenced; -ENODATA if it must be read.
 */
struct page *find_body_page(struct tux_req *req)
{
	pgoff_t index = req->body_next >> PAGE_SHIFT;
	struct page *page;

	if (req->page) {
		if (req->page_index == index) {
			get_page(req->page);
			return req->page;
		}
		drop_body_page(req);
	}
	page = find_get_page(req->file->f_mapping, index);
	if (!page)
		return ERR_PTR(-ENODATA);
	if (!PageUptodate(page)) {
		put_page(page);
		return ERR_PTR(-ENODATA);
	}
	mark_page_accessed(page);
	return page;
}

/**
 * read_body_page() - read the page with the next byte of the body, and wait for it
 * @req: gets a copy; @req->aborted tells that it could not
 *
 * The file system reads ahead on the way, so that find_body_page() finds the pages that follow. A
 * copy, since some file systems leave nothing behind in the page cache (holes of tmpfs).
 */
void read_body_page(struct tux_req *req)
{
	pgoff_t index = req->body_next >> PAGE_SHIFT;
	loff_t position = (loff_t)index << PAGE_SHIFT;
	loff_t wanted = min_t(loff_t, PAGE_SIZE, req->body_end - position);
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page) {
		tux_count_event(TUX_EVENT_no_memory);
		req->aborted = true;
		return;
	}
	if (kernel_read(req->file, page_address(page), wanted, &position) != wanted) {
		put_page(page);
		req->aborted = true;
		return;
	}
	drop_body_page(req);
	req->page = page;
	req->page_index = index;
	tux_object_born(TUX_OBJECT_page, page_address(page), PAGE_SIZE);
}
