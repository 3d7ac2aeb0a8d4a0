/*
 * Cache hierarchy of one core: L1I, L1D and a unified L2, exact
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure C without QEMU: the tests drive it through ctypes beside an independent
 * model.  cache-l1.c and cache-l2.c hold what happens within one cache.
 *
 * Semantics.  All caches are physically indexed and tagged, write-back and
 * write-allocate.  L2 is looked up on L1 misses only and is neither inclusive
 * nor exclusive.  A dirty line that L1D evicts marks its L2 copy dirty without
 * touching its recency, or goes to memory if L2 has none; a dirty line that L2
 * evicts goes to memory.  Both are counted as writebacks.  A device that writes
 * memory invalidates the lines everywhere.  L1I and L1D do not see each other:
 * a store leaves the line in L1I as it is.
 *
 * An access is split into the lines of L1 that it touches, in ascending order.
 * For each that misses L1, L2 is looked up and filled first; then the line that
 * L1 evicted for it is written back.
 *
 * Both L1 caches are true LRU; L2 is true LRU, tree pseudo-LRU, or random.  An
 * empty way is always filled first (for the last two: the lowest).  PLRU: hits
 * and fills turn the nodes above their way away from it; at first, and after a
 * flush, all nodes point to the lower half.  Random: if the set is full, the
 * way is the next number of splitmix64 modulo the ways.
 *
 * Addresses are the low 32 bits of host addresses: guest RAM is one host
 * mapping of at most 4 GiB, aligned to pages, and a way of L1 is at most a
 * page, so that they select the same L1 set as the guest-physical address
 * does.  L2 is indexed with guest-physical addresses (address - base).
 */
#ifndef CACHE_HIERARCHY_H
#define CACHE_HIERARCHY_H

#include <stdbool.h>
#include <stdint.h>

#include "cache-geometry.h"

#define CACHE_L1_WORDS (CACHE_L1_WAY_MAX / sizeof(uint32_t))
#define CACHE_REGIONS 256

typedef enum CachePolicy {
    CACHE_LRU,
    CACHE_PLRU,
    CACHE_RANDOM,
} CachePolicy;

typedef enum CacheAccess {
    CACHE_FETCH,
    CACHE_LOAD,
    CACHE_STORE,
} CacheAccess;

/* What an access missed; or-ed over the lines that it touches */
enum {
    CACHE_MISSED_L1 = 1,
    CACHE_MISSED_L2 = 2,
};

/*
 * A set of L1 is a slot of `line` bytes in a table, found by masking the
 * address.  Word 0 holds the most recently used line and word 1 the same line
 * if it is dirty, so that a load (store) is known to change nothing when it
 * falls into the line of word 0 (word 1): translated code tests this inline.
 * Words 2 to `ways` hold the other lines by recency, bit 0 set if dirty.
 */
typedef struct CacheL1 {
    uint32_t *table;                    /* CACHE_L1_WORDS words */
    uint32_t index_mask;                /* address bits that select the slot */
    uint32_t line, ways;
} CacheL1;

typedef struct CacheL2 {
    uint32_t *tag;                      /* [set][way]: line << 1 | dirty */
    uint32_t *tree;                     /* [set], PLRU bits */
    uint64_t random;                    /* state of the generator */
    uint32_t set_mask, ways, line_shift;
    CachePolicy policy;
} CacheL2;

/* Misses are [user, kernel] */
typedef struct CacheCounters {
    uint64_t l1[3][2];                  /* by CacheAccess */
    uint64_t l2[3][2];
    uint64_t writeback;                 /* lines written to memory */
    uint64_t dma_lines;                 /* L2 lines written by devices */
    uint64_t stall_milli;               /* thousandths of an icount unit */
    uint64_t region_l2[CACHE_REGIONS];  /* L2 data misses by region */
} CacheCounters;

typedef struct CacheHierarchy CacheHierarchy;
typedef unsigned CacheAccessFn(CacheHierarchy *h, CacheAccess kind,
                               uint32_t address, uint32_t size,
                               unsigned kernel, uint32_t *stall);

struct CacheHierarchy {
    CacheAccessFn *access;              /* fit for the geometry and the host */
    CacheL1 l1i, l1d;
    CacheL2 l2;
    uint32_t base;                      /* address of guest-physical 0 */
    uint32_t stall_l1[3], stall_l2[3];  /* by CacheAccess, thousandths */
    uint8_t *region;                    /* by L2 line of memory, or NULL */
    CacheCounters n;
};

/**
 * cache_hierarchy_init: set up an empty hierarchy
 * @h: zeroed by the caller, who may set stalls and region
 * @fetch_table: CACHE_L1_WORDS words for L1I
 * @data_table: CACHE_L1_WORDS words for L1D
 * @l1i: valid geometry; likewise @l1d and @l2
 * @policy: of L2
 * @seed: for CACHE_RANDOM
 * @base: address of guest-physical 0
 *
 * Return: false if memory is short
 */
bool cache_hierarchy_init(CacheHierarchy *h, uint32_t *fetch_table,
                          uint32_t *data_table, CacheGeometry l1i,
                          CacheGeometry l1d, CacheGeometry l2,
                          CachePolicy policy, uint64_t seed, uint32_t base);
void cache_hierarchy_destroy(CacheHierarchy *h);

/* Empty all caches (without writing anything back); counters stay */
void cache_hierarchy_flush(CacheHierarchy *h);

/**
 * cache_hierarchy_access: one access of the core
 * @size: bytes, at least 1; an access may span lines
 * @kernel: 0 user mode, 1 kernel mode
 * @stall: the access's stall is added to it, in thousandths of a unit
 *
 * Return: CACHE_MISSED_* bits
 */
static inline unsigned cache_hierarchy_access(CacheHierarchy *h,
                                              CacheAccess kind,
                                              uint32_t address, uint32_t size,
                                              unsigned kernel, uint32_t *stall)
{
    return h->access(h, kind, address, size, kernel, stall);
}

/* Whether accesses take the path for eight ways in all caches, with AVX2 */
bool cache_hierarchy_is_8_8(const CacheHierarchy *h);

/* A device wrote @size bytes */
void cache_hierarchy_dma_write(CacheHierarchy *h, uint32_t address,
                               uint32_t size);

/**
 * cache_l1_filter: the inline test of translated code, in C
 *
 * @size: at most a line
 *
 * Return: true if the access changes neither state nor counters
 */
static inline bool cache_l1_filter(const CacheL1 *c, CacheAccess kind,
                                   uint32_t address, uint32_t size)
{
    const uint32_t *slot = c->table + (address & c->index_mask) / 4;

    return (slot[kind == CACHE_STORE] ^ address) <= c->line - size;
}

#endif
