/*
 * TLB of one core: see cache-tlb.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-tlb.h"

#include <stdlib.h>

/* No page has this number: there are 2^20 */
#define NO_PAGE UINT32_MAX

bool cache_tlb_init(CacheTlb *t, uint32_t entries, uint32_t ways)
{
    t->page = malloc(entries * sizeof(*t->page));
    if (!t->page) {
        return false;
    }
    t->set_mask = entries / ways - 1;
    t->ways = ways;
    cache_tlb_drop(t, 0, NO_PAGE);
    return true;
}

void cache_tlb_destroy(CacheTlb *t)
{
    free(t->page);
    t->page = NULL;
}

bool cache_tlb_access(CacheTlb *t, uint32_t page)
{
    uint32_t *way, carry;
    bool hit;

    if (!t->page) {
        return false;
    }
    way = t->page + (page & t->set_mask) * t->ways;
    carry = way[0];
    hit = carry == page;
    for (uint32_t w = 1; w < t->ways && !hit; w++) {
        uint32_t next = way[w];

        way[w] = carry;
        carry = next;
        hit = carry == page;
    }
    way[0] = page;
    return hit;
}

void cache_tlb_drop(CacheTlb *t, uint32_t first, uint32_t last)
{
    for (uint32_t set = 0; t->page && set <= t->set_mask; set++) {
        uint32_t *way = t->page + set * t->ways;
        uint32_t kept = 0;

        for (uint32_t w = 0; w < t->ways; w++) {
            if (way[w] < first || way[w] > last) {
                way[kept++] = way[w];
            }
        }
        while (kept < t->ways) {
            way[kept++] = NO_PAGE;
        }
    }
}
