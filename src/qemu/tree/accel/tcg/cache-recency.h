/*
 * Sets kept by recency: what both levels of caches share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A way is a word; its bit 0 tells whether the line is dirty.  The most
 * recently used way comes first.
 */
#ifndef CACHE_RECENCY_H
#define CACHE_RECENCY_H

#include <stdbool.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CACHE_DIRTY 1u

#if defined(__x86_64__)
/*
 * Permutations of eight ways that bring way k to the front and move those
 * before it back by one.
 */
static const uint32_t cache_front_order[8][8] = {
    { 0, 1, 2, 3, 4, 5, 6, 7 }, { 1, 0, 2, 3, 4, 5, 6, 7 },
    { 2, 0, 1, 3, 4, 5, 6, 7 }, { 3, 0, 1, 2, 4, 5, 6, 7 },
    { 4, 0, 1, 2, 3, 5, 6, 7 }, { 5, 0, 1, 2, 3, 4, 6, 7 },
    { 6, 0, 1, 2, 3, 4, 5, 7 }, { 7, 0, 1, 2, 3, 4, 5, 6 },
};

/*
 * Bring the way that holds @word, dirty or not, to the front of eight @ways,
 * or else the last way.  Without branches: which way hits is hard to guess.
 *
 * Return: whether @word was there
 */
__attribute__((target("avx2"), always_inline))
static inline bool cache_to_front_8(__m256i *ways, uint32_t word)
{
    __m256i equal = _mm256_cmpeq_epi32(
        _mm256_or_si256(*ways, _mm256_set1_epi32(CACHE_DIRTY)),
        _mm256_set1_epi32(word | CACHE_DIRTY));
    uint32_t hits = _mm256_movemask_ps(_mm256_castsi256_ps(equal));
    const uint32_t *order = cache_front_order[__builtin_ctz(hits | 1u << 7)];

    *ways = _mm256_permutevar8x32_epi32(
        *ways, _mm256_loadu_si256((const __m256i *)order));
    return hits;
}
#endif

#endif
