/*
 * Geometry of the modelled caches and TLBs: what is valid
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-geometry.h"

#include <stddef.h>

static bool power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

const char *cache_geometry_error(const CacheGeometry *g, bool l1)
{
    if (!power_of_two(g->line) || g->line < 16 || g->line > 256) {
        return "the line must be a power of two from 16 to 256 bytes";
    }
    if (!g->ways || g->size % ((uint64_t)g->ways * g->line) ||
        !power_of_two(g->size / g->ways / g->line)) {
        return "size / (ways * line) must be a power of two";
    }
    if (l1 && g->size / g->ways < 2 * g->line) {
        return "L1 must have at least two sets";
    }
    if (l1 && g->size / g->ways > CACHE_L1_WAY_MAX) {
        return "a way of L1 must not exceed a page (4096 bytes)";
    }
    if (l1 && (g->ways + 1) * 4 > g->line) {
        return "ways of L1 must be fewer than line / 4";
    }
    if (!l1 && g->ways > 32) {
        return "L2 must not have more than 32 ways";
    }
    return NULL;
}

const char *cache_tlb_error(uint32_t entries, uint32_t ways)
{
    if (!ways || entries % ways || !power_of_two(entries / ways)) {
        return "entries / ways must be a power of two";
    }
    return NULL;
}
