/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What TUX takes from the kernel, made of what a C library has: the same sources then run as an
 * ordinary process, under sanitizers and fuzzers. Each thing behaves as its namesake does as far as
 * TUX relies on it, and is as simple as that allows; speed is no aim.
 */
#ifndef _TUX_USER_KERNEL_H
#define _TUX_USER_KERNEL_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef uint32_t __be32;
typedef int64_t time64_t;
typedef unsigned long pgoff_t;

#define S64_MAX		INT64_MAX
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ALIGN(x, a)	(((x) + (a) - 1) / (a) * (a))
#define min(a, b)	((a) < (b) ? (a) : (b))
#define min3(a, b, c)	min(a, min(b, c))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define clamp_t(type, x, low, high)	min_t(type, max((type)(x), (type)(low)), high)
#undef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#define fls(x)		((x) ? 32 - __builtin_clz(x) : 0)
#define BIT(n)		(1UL << (n))
#define __ffs(x)	((unsigned int)__builtin_ctzl(x))
#define __fls(x)	((unsigned int)(8 * sizeof(long) - 1 - __builtin_clzl(x)))
#define for_each_set_bit(bit, mask, size)	\
	for (bit = 0; bit < (size); bit++)	\
		if (*(mask) & BIT(bit))
#define likely(x)	(x)
#define unlikely(x)	(x)
#define __no_kcsan	__attribute__((no_sanitize_thread, noinline))
#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))
#define struct_group(name, ...) \
	union { struct { __VA_ARGS__ }; struct { __VA_ARGS__ } name; }
#define WARN_ON(condition)	warn_on(condition, #condition)
#define WARN_ON_ONCE(condition)	warn_on(condition, #condition)
#define GFP_KERNEL	0
#define cond_resched()	do { } while (0)

bool warn_on(bool condition, const char *what);

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *rest)
{
	*rest = dividend % divisor;
	return dividend / divisor;
}

ssize_t strscpy(char *to, const char *from, size_t size);

/*
 * What goes wrong at every period-th call, for tests; never if the period is 0. Periods are read from
 * the environment before main(): threads only read them.
 */
struct periodic {
	long period;
	long count;
};

long read_period(const char *variable);
bool is_due(struct periodic *event);

/* Errors in pointers */
#define MAX_ERRNO	4095
#define ERR_PTR(error)	((void *)(long)(error))
#define PTR_ERR(pointer)	((long)(pointer))
#define IS_ERR(pointer)	((unsigned long)(pointer) >= (unsigned long)-MAX_ERRNO)

/* Lists */
struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name)	struct list_head name = { &name, &name }

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	WRITE_ONCE(list->next, list);
	list->prev = list;
}

static inline void list_add(struct list_head *entry, struct list_head *after)
{
	entry->next = after->next;
	entry->prev = after;
	after->next->prev = entry;
	WRITE_ONCE(after->next, entry);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *list)
{
	list_add(entry, list->prev);
}

static inline void list_del_init(struct list_head *entry)
{
	WRITE_ONCE(entry->prev->next, entry->next);
	entry->next->prev = entry->prev;
	INIT_LIST_HEAD(entry);
}

#define list_del	list_del_init

static inline void list_move_tail(struct list_head *entry, struct list_head *list)
{
	list_del_init(entry);
	list_add_tail(entry, list);
}

static inline bool list_empty(const struct list_head *list)
{
	return READ_ONCE(list->next) == list;
}

/* All of @list comes behind @after; @list is empty then. */
static inline void list_splice_init(struct list_head *list, struct list_head *after)
{
	if (list_empty(list))
		return;
	list->next->prev = after;
	list->prev->next = after->next;
	after->next->prev = list->prev;
	after->next = list->next;
	INIT_LIST_HEAD(list);
}

static inline void list_splice_tail_init(struct list_head *list, struct list_head *before)
{
	list_splice_init(list, before->prev);
}

#define list_empty_careful	list_empty
#define list_first_entry(list, type, member)	container_of((list)->next, type, member)
#define list_first_entry_or_null(list, type, member) \
	(list_empty(list) ? NULL : container_of((list)->next, type, member))
#define list_for_each_entry_safe(entry, following, list, member)			\
	for (entry = container_of((list)->next, __typeof__(*entry), member),		\
	     following = container_of(entry->member.next, __typeof__(*entry), member);	\
	     &entry->member != (list);							\
	     entry = following,								\
	     following = container_of(entry->member.next, __typeof__(*entry), member))

/* Locks: what is a softirq in the kernel is another thread here. */
typedef pthread_mutex_t spinlock_t;

#define DEFINE_SPINLOCK(name)	spinlock_t name = PTHREAD_MUTEX_INITIALIZER
#define DEFINE_MUTEX(name)	pthread_mutex_t name = PTHREAD_MUTEX_INITIALIZER
#define spin_lock_init(lock)	pthread_mutex_init(lock, NULL)
#define spin_lock	pthread_mutex_lock
#define spin_unlock	pthread_mutex_unlock
#define spin_lock_bh	pthread_mutex_lock
#define spin_unlock_bh	pthread_mutex_unlock
#define mutex_lock	pthread_mutex_lock
#define mutex_unlock	pthread_mutex_unlock

/* Memory. Every n-th allocation fails if the environment says TUX_FAIL=n. */
#define PAGE_SHIFT	12
#define PAGE_SIZE	4096U
#define offset_in_page(offset)	((unsigned long)(offset) & (PAGE_SIZE - 1))

struct page {
	int references;
	bool uptodate;
	char *data;
};

void *kmalloc(size_t size, int flags);
void *kzalloc(size_t size, int flags);
void kfree(const void *object);
void *kvmalloc(size_t size, int flags);
void *kvzalloc(size_t size, int flags);
void kvfree(const void *object);
struct page *alloc_page(int flags);
void get_page(struct page *page);
void put_page(struct page *page);
#define page_address(page)	((void *)(page)->data)
#define PageUptodate(page)	((page)->uptodate)
#define mark_page_accessed(page)	do { } while (0)

/* Time */
#define HZ	250
#define jiffies	read_jiffies()
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX

unsigned long read_jiffies(void);
time64_t ktime_get_real_seconds(void);

struct timer_list {
	struct list_head list;
	unsigned long expires;
	void (*function)(struct timer_list *timer);
};

#define from_timer(object, timer, member) container_of(timer, __typeof__(*object), member)

void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *timer), int flags);
void mod_timer(struct timer_list *timer, unsigned long expires);
void del_timer(struct timer_list *timer);
void del_timer_sync(struct timer_list *timer);

/* Threads */
enum { TASK_RUNNING, TASK_INTERRUPTIBLE };

struct task_struct;

struct task_struct *kthread_create(int (*function)(void *data), void *data, const char *form, ...);
#define kthread_run(function, data, ...) \
	wake_new_task(kthread_create(function, data, __VA_ARGS__))
struct task_struct *wake_new_task(struct task_struct *task);
int kthread_stop(struct task_struct *task);
bool kthread_should_stop(void);
void set_current_state(int state);
#define __set_current_state	set_current_state
void schedule_timeout(long timeout);
#define schedule_timeout_uninterruptible(ticks) sleep_ticks(ticks)
void sleep_ticks(long ticks);
#define num_online_cpus()	2U
void wake_up_process(struct task_struct *task);
void get_task_struct(struct task_struct *task);
void put_task_struct(struct task_struct *task);
void synchronize_net(void);
#define rcu_barrier()	do { } while (0)

typedef struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
} wait_queue_head_t;

#define DECLARE_WAIT_QUEUE_HEAD(name) \
	wait_queue_head_t name = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER }
#define wait_event_interruptible(queue, condition)	\
	do {						\
		while (!(condition))			\
			wait_a_moment(&(queue));	\
	} while (0)
#define wq_has_sleeper(queue)	true
void wait_a_moment(wait_queue_head_t *queue);
void wake_up(wait_queue_head_t *queue);

/* Credentials: a process has those of its user, and no others. */
struct cred {
	u32 uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset;
};

#define KUIDT_INIT(id)	(id)
#define KGIDT_INIT(id)	(id)
#define cap_clear(set)	((set) = 0)
struct cred *prepare_creds(void);
#define commit_creds(cred)	do { (void)(cred); } while (0)
#define current_cred()	NULL

/* Counters */
#define DECLARE_PER_CPU(type, name)	extern type name
#define DEFINE_PER_CPU(type, name)	type name
#define this_cpu_add(counter, value)	__atomic_fetch_add(&(counter), value, __ATOMIC_RELAXED)
#define this_cpu_sub(counter, value)	__atomic_fetch_sub(&(counter), value, __ATOMIC_RELAXED)
#define this_cpu_inc(counter)	this_cpu_add(counter, 1)
#define for_each_possible_cpu(cpu)	for (cpu = 0; cpu < 1; cpu++)
#define per_cpu_ptr(object, cpu)	(object)

/* Files */
struct inode {
	int i_fd;	/* tells the size, which may change */
	dev_t i_dev;
	unsigned long i_ino;
	mode_t i_mode;
	struct timespec i_mtime;
};

struct dentry {
	int references;
	int fd;
	struct inode inode;
};

struct vfsmount;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct address_space {
	int fd;
};

struct file {
	struct inode inode;
	struct address_space *f_mapping;
	struct address_space mapping;
};

#define LOOKUP_FOLLOW		1
#define LOOKUP_IN_ROOT		2
#define LOOKUP_NO_MAGICLINKS	4
#define LOOKUP_CACHED		8
#define LOOKUP_DIRECTORY	16
#define MAY_READ		4
#define MAY_NOT_BLOCK		8
#ifndef O_LARGEFILE
#define O_LARGEFILE		0
#endif

int kern_path(const char *name, unsigned int flags, struct path *path);
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt, const char *name,
		    unsigned int flags, struct path *path);
void path_get(const struct path *path);
void path_put(const struct path *path);
bool path_equal(const struct path *one, const struct path *other);
bool d_is_dir(const struct dentry *dentry);
struct inode *d_backing_inode(struct dentry *dentry);
#define mnt_user_ns(mnt)	(mnt)
int inode_permission(const struct vfsmount *mnt, struct inode *inode, int mask);
struct file *dentry_open(const struct path *path, int flags, const struct cred *cred);
void __fput_sync(struct file *file);
struct inode *file_inode(const struct file *file);
loff_t i_size_read(const struct inode *inode);
struct page *find_get_page(struct address_space *mapping, pgoff_t index);
ssize_t kernel_read(struct file *file, void *buf, size_t size, loff_t *position);
struct file *filp_open(const char *name, int flags, mode_t mode);
ssize_t kernel_write(struct file *file, const void *buf, size_t size, loff_t *position);
void filp_close(struct file *file, void *owner);

/* Sockets: only what is outside of ../socket.c, whose place ./socket.c takes */
struct module;

struct socket;

struct proto_ops {
	struct module *owner;
	int (*accept)(struct socket *sock, struct socket *fresh, int flags, bool kern);
};

struct socket {
	int type;
	const struct proto_ops *ops;
	struct connection *connection;
};

struct socket_alloc {
	struct socket socket;
};

struct socket *sock_alloc(void);
void sock_release(struct socket *sock);
int kernel_sock_shutdown(struct socket *sock, int how);
#define __module_get(module)	do { } while (0)

/* /proc and sysctl */
struct seq_file;

#define seq_printf(file, ...)	fprintf((FILE *)(file), __VA_ARGS__)

struct ctl_table {
	const char *procname;
	void *data;
	int maxlen;
	int mode;
	int (*proc_handler)(struct ctl_table *table, int write, void *buffer, size_t *length,
			    loff_t *position);
	void *extra1, *extra2;
};

struct ctl_table_header;

int proc_dointvec_minmax(struct ctl_table *table, int write, void *buffer, size_t *length,
			 loff_t *position);
int proc_dostring(struct ctl_table *table, int write, void *buffer, size_t *length,
		  loff_t *position);
#define register_net_sysctl(net, path, table)	remember_table(table)
struct ctl_table_header *remember_table(struct ctl_table *table);
#define unregister_net_sysctl_table(header)	do { (void)(header); } while (0)
int proc_create_single_here(int (*show)(struct seq_file *file, void *unused));
#define proc_mkdir(name, parent)	((void *)1)
#define proc_create_single(name, mode, parent, show)	proc_create_single_here(show)
#define remove_proc_subtree(name, parent)	do { } while (0)

/* Parameters of the module */
struct kernel_param;

struct kernel_param_ops {
	int (*set)(const char *value, const struct kernel_param *param);
	int (*get)(char *buffer, const struct kernel_param *param);
};

struct kernel_param {
	const char *name;
	const struct kernel_param_ops *ops;
	void *arg;
	struct kernel_param *next;
};

#define module_param_cb(parameter, operations, pointer, permissions)			\
	static struct kernel_param param_##parameter = { #parameter, operations, pointer };	\
	__attribute__((constructor)) static void register_##parameter(void)		\
	{										\
		register_param(&param_##parameter);					\
	}
#define module_param(variable, type, permissions) \
	module_param_cb(variable, &param_ops_##type, &variable, permissions)
#define MODULE_PARM_DESC(parameter, text)

extern const struct kernel_param_ops param_ops_uint;
void register_param(struct kernel_param *param);
int set_param(const char *name, const char *value);
int param_set_uint(const char *value, const struct kernel_param *param);
int param_set_uint_minmax(const char *value, const struct kernel_param *param, unsigned int low,
			  unsigned int high);
int param_get_uint(char *buffer, const struct kernel_param *param);
int match_string(const char * const *array, size_t size, const char *text);

/* Branches that the kernel patches */
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define DEFINE_STATIC_KEY_FALSE(name)	bool name
#define static_branch_unlikely(key)	(*(key))
#define static_branch_enable(key)	(*(key) = true)
#define static_branch_disable(key)	(*(key) = false)

/* The module */
#define __init
#define __exit
#define module_init(function)	int tux_user_init(void) { return function(); }
#define module_exit(function)	void tux_user_exit(void) { function(); }
#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)
int tux_user_init(void);
void tux_log_reopen(void);
void tux_user_exit(void);

/* Tracepoints */
#define trace_tux_stage(req, stage)	do { (void)(req); } while (0)
#define trace_tux_queue(req)	do { } while (0)
#define trace_tux_born(object, address, size)	do { (void)(address); } while (0)
#define trace_tux_gone(object, address, size)	do { (void)(address); } while (0)

#endif /* _TUX_USER_KERNEL_H */
