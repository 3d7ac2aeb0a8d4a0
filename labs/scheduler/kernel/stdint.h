/* SPDX-License-Identifier: GPL-2.0-only */
/* What policy.h needs, from the kernel's own types. */
#ifndef _LAB_STDINT_H
#define _LAB_STDINT_H

#include <linux/types.h>
#include <linux/limits.h>

#define UINT32_MAX	U32_MAX

#endif
