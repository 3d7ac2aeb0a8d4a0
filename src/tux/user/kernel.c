// SPDX-License-Identifier: GPL-2.0-only
/* Memory, time, threads, and knobs for TUX as a process (kernel.h). */
#include "kernel.h"

#include <stdarg.h>
#include <time.h>

bool warn_on(bool condition, const char *what)
{
	if (condition) {
		fprintf(stderr, "WARNING: %s\n", what);
		if (getenv("TUX_PANIC_ON_WARN"))
			abort();
	}
	return condition;
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size);

	if (length == size)
		length--;
	memcpy(to, from, length);
	to[length] = 0;
	return length;
}

/* Parameters */
static struct kernel_param *params;

void register_param(struct kernel_param *param)
{
	param->next = params;
	params = param;
}

/* Return: 0, -ENOENT if there is no such parameter, or why the value is refused. */
int set_param(const char *name, const char *value)
{
	struct kernel_param *param;

	for (param = params; param; param = param->next)
		if (!strcmp(param->name, name))
			return param->ops->set(value, param);
	return -ENOENT;
}

int param_set_uint_minmax(const char *value, const struct kernel_param *param, unsigned int low,
			  unsigned int high)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 0);
	if (errno || end == value || *end || number < low || number > high)
		return -EINVAL;
	*(unsigned int *)param->arg = number;
	return 0;
}

int param_set_uint(const char *value, const struct kernel_param *param)
{
	return param_set_uint_minmax(value, param, 0, UINT_MAX);
}

int param_get_uint(char *buffer, const struct kernel_param *param)
{
	return sprintf(buffer, "%u\n", *(unsigned int *)param->arg);
}

const struct kernel_param_ops param_ops_uint = { param_set_uint, param_get_uint };

int match_string(const char * const *array, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (!strcmp(array[i], text))
			return i;
	return -EINVAL;
}

/* What is made to go wrong */
long read_period(const char *variable)
{
	const char *text = getenv(variable);

	return text ? atol(text) : 0;
}

bool is_due(struct periodic *event)
{
	if (event->period <= 0)
		return false;
	return __atomic_add_fetch(&event->count, 1, __ATOMIC_RELAXED) % event->period == 0;
}

/* Memory */
static struct periodic failures;

__attribute__((constructor)) static void set_failures(void)
{
	failures.period = read_period("TUX_FAIL");
}

static bool must_fail(void)
{
	return is_due(&failures);
}

void *kmalloc(size_t size, int flags)
{
	return must_fail() ? NULL : malloc(size);
}

void *kzalloc(size_t size, int flags)
{
	return must_fail() ? NULL : calloc(1, size);
}

void kfree(const void *object)
{
	free((void *)object);
}

void *kvmalloc(size_t size, int flags)
{
	return must_fail() ? NULL : malloc(size);
}

void *kvzalloc(size_t size, int flags)
{
	return must_fail() ? NULL : calloc(1, size);
}

void kvfree(const void *object)
{
	free((void *)object);
}

struct page *alloc_page(int flags)
{
	struct page *page = kzalloc(sizeof(*page), flags);

	if (!page)
		return NULL;
	page->references = 1;
	page->data = malloc(PAGE_SIZE);
	if (!page->data)
		abort();
	return page;
}

void get_page(struct page *page)
{
	__atomic_add_fetch(&page->references, 1, __ATOMIC_SEQ_CST);
}

void put_page(struct page *page)
{
	if (__atomic_sub_fetch(&page->references, 1, __ATOMIC_SEQ_CST))
		return;
	free(page->data);
	free(page);
}

/* Time */
unsigned long read_jiffies(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * HZ + now.tv_nsec / (1000000000 / HZ);
}

time64_t ktime_get_real_seconds(void)
{
	return time(NULL);
}

static struct timespec in_the_future(long ticks)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += ticks / HZ;
	at.tv_nsec += ticks % HZ * (1000000000 / HZ);
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	return at;
}

/* Timers: one thread that looks at all of them every tick. */
static LIST_HEAD(timers);
static pthread_mutex_t timers_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t timer_runs = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t timers_once = PTHREAD_ONCE_INIT;

static struct timer_list *take_expired_timer(void)
{
	struct timer_list *timer, *next, *found = NULL;

	pthread_mutex_lock(&timers_lock);
	list_for_each_entry_safe(timer, next, &timers, list) {
		if (time_after_eq(jiffies, timer->expires)) {
			list_del_init(&timer->list);
			found = timer;
			break;
		}
	}
	pthread_mutex_unlock(&timers_lock);
	return found;
}

static void *run_timers(void *unused)
{
	static const struct timespec tick = { .tv_nsec = 1000000000 / HZ };

	for (;;) {
		struct timer_list *timer;

		/* Whoever deletes a timer and waits for it to be idle waits for this lock. */
		pthread_mutex_lock(&timer_runs);
		while ((timer = take_expired_timer()))
			timer->function(timer);
		pthread_mutex_unlock(&timer_runs);
		nanosleep(&tick, NULL);
	}
	return NULL;
}

static void start_timers(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_timers, NULL))
		abort();
	pthread_detach(thread);
}

void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *timer), int flags)
{
	pthread_once(&timers_once, start_timers);
	INIT_LIST_HEAD(&timer->list);
	timer->function = function;
}

void mod_timer(struct timer_list *timer, unsigned long expires)
{
	pthread_mutex_lock(&timers_lock);
	list_del_init(&timer->list);
	timer->expires = expires;
	list_add_tail(&timer->list, &timers);
	pthread_mutex_unlock(&timers_lock);
}

void del_timer(struct timer_list *timer)
{
	pthread_mutex_lock(&timers_lock);
	list_del_init(&timer->list);
	pthread_mutex_unlock(&timers_lock);
}

void del_timer_sync(struct timer_list *timer)
{
	pthread_mutex_lock(&timer_runs);
	del_timer(timer);
	pthread_mutex_unlock(&timer_runs);
}

/* Threads */
struct task_struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int (*function)(void *data);
	void *data;
	int references;
	int state;
	bool started;
	bool should_stop;
};

static __thread struct task_struct *current_task;

static void *run_task(void *data)
{
	struct task_struct *task = data;
	bool run;

	current_task = task;
	pthread_mutex_lock(&task->lock);
	while (!task->started)
		pthread_cond_wait(&task->changed, &task->lock);
	run = !READ_ONCE(task->should_stop);
	pthread_mutex_unlock(&task->lock);
	if (run)
		task->function(task->data);
	return NULL;
}

struct task_struct *kthread_create(int (*function)(void *data), void *data, const char *form, ...)
{
	struct task_struct *task = kzalloc(sizeof(*task), 0);

	if (!task)
		return ERR_PTR(-ENOMEM);
	pthread_mutex_init(&task->lock, NULL);
	pthread_cond_init(&task->changed, NULL);
	task->function = function;
	task->data = data;
	task->references = 1;
	if (pthread_create(&task->thread, NULL, run_task, task))
		abort();
	return task;
}

struct task_struct *wake_new_task(struct task_struct *task)
{
	if (!IS_ERR(task))
		wake_up_process(task);
	return task;
}

void wake_up_process(struct task_struct *task)
{
	pthread_mutex_lock(&task->lock);
	task->started = true;
	task->state = TASK_RUNNING;
	pthread_cond_signal(&task->changed);
	pthread_mutex_unlock(&task->lock);
}

int kthread_stop(struct task_struct *task)
{
	WRITE_ONCE(task->should_stop, true);
	wake_up_process(task);
	pthread_join(task->thread, NULL);
	put_task_struct(task);
	return 0;
}

bool kthread_should_stop(void)
{
	return READ_ONCE(current_task->should_stop);
}

void get_task_struct(struct task_struct *task)
{
	__atomic_add_fetch(&task->references, 1, __ATOMIC_SEQ_CST);
}

void put_task_struct(struct task_struct *task)
{
	if (!__atomic_sub_fetch(&task->references, 1, __ATOMIC_SEQ_CST))
		free(task);
}

void set_current_state(int state)
{
	pthread_mutex_lock(&current_task->lock);
	current_task->state = state;
	pthread_mutex_unlock(&current_task->lock);
}

void schedule_timeout(long timeout)
{
	struct timespec end = in_the_future(timeout == MAX_SCHEDULE_TIMEOUT ? 3600L * HZ : timeout);

	pthread_mutex_lock(&current_task->lock);
	while (current_task->state != TASK_RUNNING)
		if (pthread_cond_timedwait(&current_task->changed, &current_task->lock, &end))
			break;
	current_task->state = TASK_RUNNING;
	pthread_mutex_unlock(&current_task->lock);
}

void sleep_ticks(long ticks)
{
	struct timespec time = { .tv_nsec = ticks * (1000000000 / HZ) };

	nanosleep(&time, NULL);
}

/* A stop comes without a wake-up here, hence the limit. */
void wait_a_moment(wait_queue_head_t *queue)
{
	struct timespec end = in_the_future(HZ / 10);

	pthread_mutex_lock(&queue->lock);
	pthread_cond_timedwait(&queue->changed, &queue->lock, &end);
	pthread_mutex_unlock(&queue->lock);
}

void wake_up(wait_queue_head_t *queue)
{
	pthread_mutex_lock(&queue->lock);
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}

struct cred *prepare_creds(void)
{
	static __thread struct cred cred;

	return &cred;
}

/* Knobs: as the kernel's handlers, for one value in text. */
int proc_dointvec_minmax(struct ctl_table *table, int write, void *buffer, size_t *length,
			 loff_t *position)
{
	char *end;
	long value;

	if (!write)
		return snprintf(buffer, *length, "%d\n", *(int *)table->data) < 0;
	value = strtol(buffer, &end, 10);
	if (end == buffer || (*end && *end != '\n') || value < *(const int *)table->extra1 ||
	    value > *(const int *)table->extra2)
		return -EINVAL;
	*(int *)table->data = value;
	return 0;
}

int proc_dostring(struct ctl_table *table, int write, void *buffer, size_t *length,
		  loff_t *position)
{
	if (!write)
		return snprintf(buffer, *length, "%s\n", (char *)table->data) < 0;
	strscpy(table->data, buffer, table->maxlen);
	return 0;
}
