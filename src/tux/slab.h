/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The place of per-request memory in the processor's cache: see slab.c.
 * Stock has none, and these do nothing.
 */
#ifndef _TUX_SLAB_H
#define _TUX_SLAB_H

#ifdef CONFIG_TUX_STINGY

int tux_slab_open(void);
void tux_slab_close(void);
void tux_slab_mark(void);
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

static inline int tux_run_on_slab(int (*function)(void *), void *data)
{
	return function(data);
}

#endif /* CONFIG_TUX_STINGY */

#endif /* _TUX_SLAB_H */
