// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files for TUX as a process. A dentry is a descriptor opened with O_PATH. To exercise the helper
 * threads, every n-th lookup or page is "not cached" if the environment says TUX_MISS=n.
 */
#include "kernel.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct periodic misses;

__attribute__((constructor)) static void set_misses(void)
{
	misses.period = read_period("TUX_MISS");
}

static bool must_miss(void)
{
	return is_due(&misses);
}

static int read_inode(int fd, struct inode *inode)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	inode->i_fd = fd;
	inode->i_dev = status.st_dev;
	inode->i_ino = status.st_ino;
	inode->i_mode = status.st_mode;
	inode->i_mtime = status.st_mtim;
	return 0;
}

static int make_path(int fd, struct path *path)
{
	struct dentry *dentry;

	if (fd < 0)
		return -errno;
	dentry = kzalloc(sizeof(*dentry), GFP_KERNEL);
	if (!dentry || read_inode(fd, &dentry->inode)) {
		kfree(dentry);
		close(fd);
		return -ENOMEM;
	}
	dentry->references = 1;
	dentry->fd = fd;
	path->mnt = NULL;
	path->dentry = dentry;
	return 0;
}

int kern_path(const char *name, unsigned int flags, struct path *path)
{
	return make_path(open(name, O_PATH | O_CLOEXEC | O_DIRECTORY), path);
}

int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt, const char *name,
		    unsigned int flags, struct path *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if ((flags & LOOKUP_CACHED) && must_miss())
		return -EAGAIN;
	return make_path(syscall(SYS_openat2, dentry->fd, name, &how, sizeof(how)), path);
}

void path_get(const struct path *path)
{
	__atomic_add_fetch(&path->dentry->references, 1, __ATOMIC_SEQ_CST);
}

void path_put(const struct path *path)
{
	if (__atomic_sub_fetch(&path->dentry->references, 1, __ATOMIC_SEQ_CST))
		return;
	close(path->dentry->fd);
	free(path->dentry);
}

bool path_equal(const struct path *one, const struct path *other)
{
	return one->dentry->inode.i_dev == other->dentry->inode.i_dev &&
	       one->dentry->inode.i_ino == other->dentry->inode.i_ino;
}

bool d_is_dir(const struct dentry *dentry)
{
	return S_ISDIR(dentry->inode.i_mode);
}

struct inode *d_backing_inode(struct dentry *dentry)
{
	return &dentry->inode;
}

/* The process's own permissions are checked when it opens the file. */
int inode_permission(const struct vfsmount *mnt, struct inode *inode, int mask)
{
	return 0;
}

static struct file *make_file(int fd)
{
	struct file *file;

	if (fd < 0)
		return ERR_PTR(-errno);
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file || read_inode(fd, &file->inode)) {
		kfree(file);
		close(fd);
		return ERR_PTR(-ENOMEM);
	}
	file->mapping.fd = fd;
	file->f_mapping = &file->mapping;
	return file;
}

struct file *dentry_open(const struct path *path, int flags, const struct cred *cred)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", path->dentry->fd);
	return make_file(open(name, flags | O_CLOEXEC));
}

void __fput_sync(struct file *file)
{
	close(file->mapping.fd);
	free(file);
}

struct inode *file_inode(const struct file *file)
{
	return (struct inode *)&file->inode;
}

loff_t i_size_read(const struct inode *inode)
{
	struct stat status;

	return fstat(inode->i_fd, &status) ? 0 : status.st_size;
}

struct page *find_get_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page = must_miss() ? NULL : alloc_page(GFP_KERNEL);
	ssize_t size;

	if (!page)
		return NULL;
	size = pread(mapping->fd, page->data, PAGE_SIZE, (off_t)index << PAGE_SHIFT);
	if (size <= 0) {
		put_page(page);
		return NULL;
	}
	memset(page->data + size, 0, PAGE_SIZE - size);
	page->uptodate = true;
	return page;
}

ssize_t kernel_read(struct file *file, void *buf, size_t size, loff_t *position)
{
	ssize_t got = pread(file->mapping.fd, buf, size, *position);

	return got < 0 ? -errno : got;
}

struct file *filp_open(const char *name, int flags, mode_t mode)
{
	return make_file(open(name, flags | O_CLOEXEC, mode));
}

ssize_t kernel_write(struct file *file, const void *buf, size_t size, loff_t *position)
{
	ssize_t put = write(file->mapping.fd, buf, size);

	return put < 0 ? -errno : put;
}

void filp_close(struct file *file, void *owner)
{
	__fput_sync(file);
}
