/*
 * A first-level cache: what is off the path of an access
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-l1.h"

void cache_l1_flush(CacheL1 *c)
{
    for (uint32_t i = 0; i < CACHE_L1_WORDS; i++) {
        c->table[i] = cache_l1_invalid(c, (i * 4) & c->index_mask);
    }
}

void cache_l1_init(CacheL1 *c, uint32_t *table, CacheGeometry g)
{
    c->table = table;
    c->line = g.line;
    c->ways = g.ways;
    c->index_mask = g.size / g.ways - g.line;
    cache_l1_flush(c);
}

/* Drop @line from its set, dirty or not; the others keep their order */
static void l1_invalidate(CacheL1 *c, uint32_t line)
{
    uint32_t index = line & c->index_mask;
    uint32_t *slot = c->table + index / 4;
    uint32_t w;

    if (slot[0] == line) {
        uint32_t second = c->ways > 1 ? slot[2] : cache_l1_invalid(c, index);

        slot[0] = second & ~CACHE_DIRTY;
        slot[1] = second & CACHE_DIRTY ? slot[0] : cache_l1_invalid(c, index);
        w = 2;
    } else {
        for (w = 2; w <= c->ways && (slot[w] & ~CACHE_DIRTY) != line; w++) {
        }
    }
    for (; w <= c->ways; w++) {
        slot[w] = w < c->ways ? slot[w + 1] : cache_l1_invalid(c, index);
    }
}

void cache_l1_dma_write(CacheL1 *c, uint32_t address, uint32_t size)
{
    uint32_t line = address & -c->line;
    uint32_t last = (address + size - 1) & -c->line;

    l1_invalidate(c, line);
    while (line != last) {
        line += c->line;
        l1_invalidate(c, line);
    }
}
