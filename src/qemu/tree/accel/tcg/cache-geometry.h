/*
 * Geometry of the modelled caches and TLBs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CACHE_GEOMETRY_H
#define CACHE_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

/* A way of L1 is at most this large, in bytes */
#define CACHE_L1_WAY_MAX 4096

typedef struct CacheGeometry {
    uint32_t size, ways, line;          /* bytes, ways, bytes */
} CacheGeometry;

/**
 * cache_geometry_error: what is wrong with a geometry
 * @g: the geometry
 * @l1: whether it is that of a first-level cache
 *
 * Return: NULL if it is valid, else a text that names the rule
 */
const char *cache_geometry_error(const CacheGeometry *g, bool l1);

/**
 * cache_tlb_error: what is wrong with a TLB
 *
 * Return: NULL if it is valid, else a text that names the rule
 */
const char *cache_tlb_error(uint32_t entries, uint32_t ways);

#endif
