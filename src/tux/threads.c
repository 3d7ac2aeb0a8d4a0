// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads: the fast ones, which run event_loop(), and helpers, which run those stages that may have
 * to wait for a disk.
 *
 * Context: process. The I/O queue is shared by all.
 */
#include "tux.h"

static LIST_HEAD(io_queue);
static DEFINE_SPINLOCK(io_lock);
static DECLARE_WAIT_QUEUE_HEAD(io_wait);
static struct task_struct *io_threads[TUX_MAX_IO_THREADS];
static unsigned int nr_io_threads;

/**
 * queue_cachemiss() - let a helper run the next stage
 * @req: is on no list
 */
void queue_cachemiss(struct tux_req *req)
{
	tux_count_event(TUX_EVENT_cachemiss);
	spin_lock(&io_lock);
	list_add_tail(&req->list, &io_queue);
	spin_unlock(&io_lock);
	wake_up(&io_wait);
}

static struct tux_req *take_cachemiss(void)
{
	struct tux_req *req;

	spin_lock(&io_lock);
	req = list_first_entry_or_null(&io_queue, struct tux_req, list);
	if (req)
		list_del_init(&req->list);
	spin_unlock(&io_lock);
	return req;
}

static int io_loop(void *unused)
{
	struct tux_req *req;

	drop_privileges();
	while (!kthread_should_stop()) {
		wait_event_interruptible(io_wait, !list_empty_careful(&io_queue) ||
					 kthread_should_stop());
		while ((req = take_cachemiss()))
			tux_schedule_atom(req, 1);
	}
	return 0;
}

/* From now on this thread may read only what net.tux.uid and net.tux.gid may. */
void drop_privileges(void)
{
	struct cred *cred = prepare_creds();

	if (WARN_ON(!cred))
		return;
	cred->uid = cred->euid = cred->suid = cred->fsuid = KUIDT_INIT(tux_knobs.uid);
	cred->gid = cred->egid = cred->sgid = cred->fsgid = KGIDT_INIT(tux_knobs.gid);
	cap_clear(cred->cap_inheritable);
	cap_clear(cred->cap_permitted);
	cap_clear(cred->cap_effective);
	cap_clear(cred->cap_bset);
	commit_creds(cred);
}

static struct tux_thread *new_thread(void)
{
	struct tux_thread *thread = tux_slab_take_state(sizeof(*thread));

	if (!thread)
		thread = kzalloc(sizeof(*thread), GFP_KERNEL);
	if (!thread)
		return NULL;
	spin_lock_init(&thread->lock);
	spin_lock_init(&thread->abuf_lock);
	tux_schedule_init(&thread->schedule);
	INIT_LIST_HEAD(&thread->waiting);
	INIT_LIST_HEAD(&thread->idle);
	INIT_LIST_HEAD(&thread->free);
	return thread;
}

static void free_thread(struct tux_thread *thread)
{
	if (!tux_slab_give_state(thread))
		kfree(thread);
}

static int fast_loop(void *data)
{
	return tux_run_on_slab(event_loop, data);
}

static int start_fast_thread(unsigned int number)
{
	struct tux_thread *thread = new_thread();
	struct task_struct *task;

	if (!thread)
		return -ENOMEM;
	task = kthread_create(fast_loop, thread, "tux/%u", number);
	if (IS_ERR(task)) {
		free_thread(thread);
		return PTR_ERR(task);
	}
	get_task_struct(task);
	thread->task = task;
	tux_server.threads[number] = thread;
	WRITE_ONCE(tux_server.nr_threads, number + 1);
	return 0;
}

static int start_io_thread(unsigned int number)
{
	struct task_struct *task = kthread_run(io_loop, NULL, "tux-io/%u", number);

	if (IS_ERR(task))
		return PTR_ERR(task);
	io_threads[number] = task;
	nr_io_threads = number + 1;
	return 0;
}

/**
 * tux_threads_start() - start all threads
 * @fast: how many fast threads
 * @io: how many helpers
 *
 * Return: 0, or an error, after which tux_threads_stop() must be called.
 */
int tux_threads_start(unsigned int fast, unsigned int io)
{
	unsigned int i;
	int ret = 0;

	tux_query_start();
	for (i = 0; i < io && !ret; i++)
		ret = start_io_thread(i);
	for (i = 0; i < fast && !ret; i++)
		ret = start_fast_thread(i);
	/* Each of them looks at all the others. */
	for (i = 0; i < fast && !ret; i++)
		wake_up_process(tux_server.threads[i]->task);
	return ret;
}

/**
 * tux_threads_stop() - let all threads finish their requests, and end
 *
 * The fast threads first, since they need the helpers to finish. A thread's structure goes last:
 * callbacks of the listening socket wake all threads.
 */
void tux_threads_stop(void)
{
	unsigned int i, fast = tux_server.nr_threads;

	for (i = 0; i < fast; i++)
		kthread_stop(tux_server.threads[i]->task);
	WRITE_ONCE(tux_server.nr_threads, 0);
	synchronize_net();
	for (i = 0; i < fast; i++) {
		struct tux_thread *thread = tux_server.threads[i];

		put_task_struct(thread->task);
		tux_free_list_empty(thread);
		release_abuf_page(thread);
		free_thread(thread);
		tux_server.threads[i] = NULL;
	}
	while (nr_io_threads)
		kthread_stop(io_threads[--nr_io_threads]);
}
