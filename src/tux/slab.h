/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The place of the server's memory in the processor's cache: see slab.c, and pools.c, which has
 * the same interface. Stock has none, and these do nothing.
 */
#ifndef _TUX_SLAB_H
#define _TUX_SLAB_H

#ifdef CONFIG_TUX_STINGY

int tux_slab_open(void);
void tux_slab_close(void);
void tux_slab_mark(void);
int tux_slab_check_header(int bytes);
void *tux_slab_take_state(size_t size);
bool tux_slab_give_state(const void *state);
int tux_run_on_slab(int (*function)(void *), void *data);

#else

static inline int tux_slab_open(void)
{
	return 0;
}

static inline void tux_slab_close(void)
{
}

static inline void tux_slab_mark(void)
{
}

static inline int tux_slab_check_header(int bytes)
{
	return 0;
}

static inline void *tux_slab_take_state(size_t size)
{
	return NULL;
}

static inline bool tux_slab_give_state(const void *state)
{
	return false;
}

static inline int tux_run_on_slab(int (*function)(void *), void *data)
{
	return function(data);
}

#endif /* CONFIG_TUX_STINGY */

#endif /* _TUX_SLAB_H */
