/*
 * L2 misses by call stack
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CACHE_PROFILE_H
#define CACHE_PROFILE_H

#include "cache-hierarchy.h"

typedef struct CacheProfile CacheProfile;

/* @kernel_base: where the kernel maps guest-physical 0 */
CacheProfile *cache_profile_new(uint32_t kernel_base);

/* Count @lines missed in L2 at the instruction that @ra belongs to */
void cache_profile_record(CacheProfile *p, CPUState *cpu, CacheAccess kind,
                          bool kernel, uintptr_t ra, uint64_t lines);

/* Write folded stacks, sorted, to the file @path; on an error QEMU ends */
void cache_profile_write(CacheProfile *p, const char *path);

#endif
