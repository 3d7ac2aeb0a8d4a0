/*
 * TLB of one core, exact
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure C without QEMU, as cache-hierarchy.h.
 */
#ifndef CACHE_TLB_H
#define CACHE_TLB_H

#include <stdbool.h>
#include <stdint.h>

/* True LRU, indexed by virtual page number; no table if it is not modelled */
typedef struct CacheTlb {
    uint32_t *page;                     /* [set][way], by recency */
    uint32_t set_mask, ways;
} CacheTlb;

bool cache_tlb_init(CacheTlb *t, uint32_t entries, uint32_t ways);
void cache_tlb_destroy(CacheTlb *t);

/* Touch @page and return true if it was there; false without a table */
bool cache_tlb_access(CacheTlb *t, uint32_t page);

/* Drop pages @first to @last, both included */
void cache_tlb_drop(CacheTlb *t, uint32_t first, uint32_t last);

#endif
