// SPDX-License-Identifier: GPL-2.0-only
/*
 * Output buffers (abufs): slices carved off a page of the thread, one after the other. A slice is
 * sent without copying; TCP then holds the page by a reference of its own until the peer has
 * acknowledged, so releasing a slice only drops a reference, and the page goes when all have.
 *
 * Context: process. Threads that help with blocking stages carve from the same page, hence the lock.
 */
#include "tux.h"

/* Make sure that @max_size bytes are left; the lock is held, and dropped to allocate. */
static bool refill(struct tux_thread *thread, unsigned int max_size)
{
	struct page *page;

	while (!thread->abuf_page || PAGE_SIZE - thread->abuf_used < max_size) {
		spin_unlock(&thread->abuf_lock);
		page = alloc_page(GFP_KERNEL);
		spin_lock(&thread->abuf_lock);
		if (!page)
			return false;
		if (thread->abuf_page)
			put_page(thread->abuf_page);
		thread->abuf_page = page;
		thread->abuf_used = 0;
	}
	return true;
}

/**
 * get_abuf() - take a slice
 * @req: holds one slice at a time
 * @max_size: bytes that will be written to it at most
 *
 * Return: the slice, or NULL if it would not fit a page, or memory is short.
 */
char *get_abuf(struct tux_req *req, unsigned int max_size)
{
	struct tux_thread *thread = req->thread;
	struct tux_abuf *abuf = &req->abuf;

	if (max_size > PAGE_SIZE)
		return NULL;
	spin_lock(&thread->abuf_lock);
	if (!refill(thread, max_size)) {
		spin_unlock(&thread->abuf_lock);
		tux_count_event(TUX_EVENT_no_memory);
		return NULL;
	}
	abuf->page = thread->abuf_page;
	abuf->offset = thread->abuf_used;
	abuf->size = max_size;
	get_page(abuf->page);
	thread->abuf_used += max_size;
	spin_unlock(&thread->abuf_lock);
	abuf->buf = page_address(abuf->page) + abuf->offset;
	tux_object_born(TUX_OBJECT_abuf, abuf->buf, max_size);
	return abuf->buf;
}

/**
 * trim_abuf() - say how much of the slice is used
 * @req: its owner
 * @size: bytes that were written
 *
 * What is left goes back, unless someone has carved behind it meanwhile.
 */
void trim_abuf(struct tux_req *req, unsigned int size)
{
	struct tux_thread *thread = req->thread;
	struct tux_abuf *abuf = &req->abuf;

	tux_object_resized(TUX_OBJECT_abuf, abuf->size, size);
	spin_lock(&thread->abuf_lock);
	if (thread->abuf_page == abuf->page && thread->abuf_used == abuf->offset + abuf->size)
		thread->abuf_used = ALIGN(abuf->offset + size, sizeof(long));
	spin_unlock(&thread->abuf_lock);
	abuf->size = size;
}

/**
 * free_abuf() - give the slice up
 * @req: its owner
 */
void free_abuf(struct tux_req *req)
{
	struct tux_abuf *abuf = &req->abuf;

	if (!abuf->page)
		return;
	tux_object_gone(TUX_OBJECT_abuf, abuf->buf, abuf->size);
	put_page(abuf->page);
	memset(abuf, 0, sizeof(*abuf));
}

/* The thread ends: its page is not carved any further. */
void release_abuf_page(struct tux_thread *thread)
{
	if (thread->abuf_page)
		put_page(thread->abuf_page);
	thread->abuf_page = NULL;
}
