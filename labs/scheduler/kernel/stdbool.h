/* SPDX-License-Identifier: GPL-2.0-only */
/* What policy.h needs: the kernel has bool. */
#ifndef _LAB_STDBOOL_H
#define _LAB_STDBOOL_H

#include <linux/types.h>

#endif
