/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admission at the SYN: see admission.c. As a process TUX has no hold of SYNs.
 */
#ifndef _TUX_ADMISSION_H
#define _TUX_ADMISSION_H

#ifdef __KERNEL__
struct seq_file;
struct tux_syn_queue;

int tux_admission_start(struct sock *listener);
void tux_admission_stop(void);
void tux_admit(void);
void tux_admit_when_idle(void);
void tux_admission_show(struct seq_file *file);
const struct tux_syn_queue *tux_admission_queue(void);
#else
static inline void tux_admission_stop(void)
{
}

static inline void tux_admit(void)
{
}

static inline void tux_admit_when_idle(void)
{
}

#define tux_admission_show(file)
#endif

#endif /* _TUX_ADMISSION_H */
