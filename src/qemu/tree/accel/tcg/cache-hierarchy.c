/*
 * Cache hierarchy of one core: see cache-hierarchy.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "cache-hierarchy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define DIRTY 1u
#define INVALID_L2 UINT32_MAX

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

/* A word that no address of the slot's set can match, even with bit 0 set */
static uint32_t invalid_word(const CacheL1 *c, uint32_t index)
{
    return index ^ c->line;
}

static void l1_flush(CacheL1 *c)
{
    for (uint32_t i = 0; i < CACHE_L1_WORDS; i++) {
        c->table[i] = invalid_word(c, (i * 4) & c->index_mask);
    }
}

static void l1_init(CacheL1 *c, uint32_t *table, CacheGeometry g)
{
    c->table = table;
    c->line = g.line;
    c->ways = g.ways;
    c->index_mask = g.size / g.ways - g.line;
    l1_flush(c);
}

static void l2_flush(CacheL2 *c)
{
    uint32_t sets = c->set_mask + 1;

    memset(c->tag, 0xff, sizeof(*c->tag) * sets * c->ways);
    memset(c->tree, 0, sizeof(*c->tree) * sets);
}

void cache_hierarchy_destroy(CacheHierarchy *h)
{
    free(h->l2.tag);
    free(h->l2.tree);
    h->l2.tag = h->l2.tree = NULL;
}

void cache_hierarchy_flush(CacheHierarchy *h)
{
    l1_flush(&h->l1i);
    l1_flush(&h->l1d);
    l2_flush(&h->l2);
}

/*
 * Make @line the most recently used of its set.
 *
 * Return: true on a hit; else *@victim is the line that left (bit 0: dirty),
 * or a word of another set if the way was empty
 */
static bool l1_touch(CacheL1 *c, uint32_t line, bool store,
                     uint32_t *victim)
{
    uint32_t index = line & c->index_mask;
    uint32_t *slot = c->table + index / 4;
    uint32_t carry = slot[0] | (slot[0] == slot[1] ? DIRTY : 0);
    bool hit = (carry & ~DIRTY) == line;

    for (uint32_t w = 2; w <= c->ways && !hit; w++) {
        uint32_t next = slot[w];

        slot[w] = carry;
        carry = next;
        hit = (carry & ~DIRTY) == line;
    }
    slot[0] = line;
    if (store || (hit && (carry & DIRTY))) {
        slot[1] = line;
    } else {
        slot[1] = invalid_word(c, index);
    }
    *victim = carry;
    return hit;
}

#if defined(__x86_64__)
/*
 * Permutations of eight ways that bring way k to the front and move those
 * before it back by one.
 */
static const uint32_t to_front[8][8] = {
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
static inline bool bring_to_front_8(__m256i *ways, uint32_t word)
{
    __m256i equal = _mm256_cmpeq_epi32(
        _mm256_or_si256(*ways, _mm256_set1_epi32(DIRTY)),
        _mm256_set1_epi32(word | DIRTY));
    uint32_t hits = _mm256_movemask_ps(_mm256_castsi256_ps(equal));
    const uint32_t *order = to_front[__builtin_ctz(hits | 1u << 7)];

    *ways = _mm256_permutevar8x32_epi32(
        *ways, _mm256_loadu_si256((const __m256i *)order));
    return hits;
}

/* As l1_touch() for eight ways */
__attribute__((target("avx2")))
static inline bool l1_touch_8(CacheL1 *c, uint32_t line, bool store,
                              uint32_t *victim)
{
    uint32_t index = line & c->index_mask;
    uint32_t *slot = c->table + index / 4;
    uint32_t first = slot[0] | (slot[0] == slot[1]);
    __m256i ways = _mm256_loadu_si256((__m256i *)(slot + 1));
    bool hit;

    ways = _mm256_blend_epi32(ways, _mm256_set1_epi32(first), 1);
    hit = bring_to_front_8(&ways, line);
    *victim = _mm256_cvtsi256_si32(ways);
    _mm256_storeu_si256((__m256i *)(slot + 1), ways);
    slot[0] = line;
    slot[1] = store || (hit && (*victim & DIRTY)) ? line
                                                  : invalid_word(c, index);
    return hit;
}

/* As l2_touch_lru() for eight ways */
__attribute__((target("avx2")))
static inline bool l2_touch_lru_8(CacheL2 *c, uint32_t line, uint32_t *victim)
{
    uint32_t *tag = c->tag + (size_t)(line & c->set_mask) * 8;
    __m256i ways = _mm256_loadu_si256((__m256i *)tag);
    bool hit = bring_to_front_8(&ways, line << 1);

    *victim = _mm256_cvtsi256_si32(ways);
    _mm256_storeu_si256((__m256i *)tag, ways);
    tag[0] = line << 1 | (hit ? *victim & DIRTY : 0);
    return hit;
}
#endif

/* Drop @line from its set, dirty or not; the others keep their order */
static void l1_invalidate(CacheL1 *c, uint32_t line)
{
    uint32_t index = line & c->index_mask;
    uint32_t *slot = c->table + index / 4;
    uint32_t w;

    if (slot[0] == line) {
        uint32_t second = c->ways > 1 ? slot[2] : invalid_word(c, index);

        slot[0] = second & ~DIRTY;
        slot[1] = second & DIRTY ? slot[0] : invalid_word(c, index);
        w = 2;
    } else {
        for (w = 2; w <= c->ways && (slot[w] & ~DIRTY) != line; w++) {
        }
    }
    for (; w <= c->ways; w++) {
        slot[w] = w < c->ways ? slot[w + 1] : invalid_word(c, index);
    }
}

static void l1_dma_write(CacheL1 *c, uint32_t address, uint32_t size)
{
    uint32_t line = address & -c->line;
    uint32_t last = (address + size - 1) & -c->line;

    l1_invalidate(c, line);
    while (line != last) {
        line += c->line;
        l1_invalidate(c, line);
    }
}

/* splitmix64: a step of the state and a mix of it */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/*
 * Tree pseudo-LRU for any number of ways: node n (from 1) has the children 2n
 * and 2n + 1; its bit names the half used less recently.  A subtree that lies
 * wholly beyond the last way is never chosen.
 */
static uint32_t plru_victim(const CacheL2 *c, uint32_t set)
{
    uint32_t node = 1, low = 0, span = 1;

    while (span < c->ways) {
        span <<= 1;
    }
    while (span > 1) {
        uint32_t right = (c->tree[set] >> node) & 1;

        span >>= 1;
        if (low + span >= c->ways) {
            right = 0;
        }
        low += right * span;
        node = node * 2 + right;
    }
    return low;
}

static void plru_touch(CacheL2 *c, uint32_t set, uint32_t way)
{
    uint32_t node = 1, low = 0, span = 1;

    while (span < c->ways) {
        span <<= 1;
    }
    while (span > 1) {
        uint32_t right;

        span >>= 1;
        right = way >= low + span;
        if (right) {
            c->tree[set] &= ~(1u << node);
        } else {
            c->tree[set] |= 1u << node;
        }
        low += right * span;
        node = node * 2 + right;
    }
}

/* As l1_touch(), for the line number @line; ways are kept by recency */
static bool l2_touch_lru(CacheL2 *c, uint32_t line, uint32_t *victim)
{
    uint32_t *tag = c->tag + (size_t)(line & c->set_mask) * c->ways;
    uint32_t carry = tag[0];
    bool hit = carry >> 1 == line;

    for (uint32_t w = 1; w < c->ways && !hit; w++) {
        uint32_t next = tag[w];

        tag[w] = carry;
        carry = next;
        hit = carry >> 1 == line;
    }
    tag[0] = line << 1 | (hit ? carry & DIRTY : 0);
    *victim = carry;
    return hit;
}

/* As l1_touch(); ways stay where they are; empty ways are filled first */
static bool l2_touch_fixed(CacheL2 *c, uint32_t line, uint32_t *victim)
{
    uint32_t set = line & c->set_mask;
    uint32_t *tag = c->tag + (size_t)set * c->ways;
    uint32_t way = c->ways;
    bool hit = false;

    for (uint32_t w = 0; w < c->ways && !hit; w++) {
        hit = tag[w] >> 1 == line;
        if (hit || (tag[w] == INVALID_L2 && way == c->ways)) {
            way = w;
        }
    }
    if (way == c->ways) {
        way = c->policy == CACHE_PLRU ? plru_victim(c, set)
                                      : next_random(&c->random) % c->ways;
    }
    *victim = tag[way];
    if (!hit) {
        tag[way] = line << 1;
    }
    if (c->policy == CACHE_PLRU) {
        plru_touch(c, set, way);
    }
    return hit;
}

static bool l2_touch(CacheL2 *c, uint32_t line, uint32_t *victim)
{
    return c->policy == CACHE_LRU ? l2_touch_lru(c, line, victim)
                                  : l2_touch_fixed(c, line, victim);
}

static uint32_t *l2_find(CacheL2 *c, uint32_t line)
{
    uint32_t *tag = c->tag + (size_t)(line & c->set_mask) * c->ways;

    for (uint32_t w = 0; w < c->ways; w++) {
        if (tag[w] >> 1 == line) {
            return tag + w;
        }
    }
    return NULL;
}

static void l2_invalidate(CacheL2 *c, uint32_t line)
{
    uint32_t *found = l2_find(c, line);
    uint32_t *end = c->tag + (size_t)((line & c->set_mask) + 1) * c->ways;

    if (!found) {
        return;
    }
    if (c->policy == CACHE_LRU) {
        for (; found + 1 < end; found++) {
            found[0] = found[1];
        }
    }
    *found = INVALID_L2;
}

static uint32_t l2_line(const CacheHierarchy *h, uint32_t address)
{
    return (address - h->base) >> h->l2.line_shift;
}

/* L1D evicted the dirty line at @address */
static void write_back(CacheHierarchy *h, uint32_t address)
{
    uint32_t *found = l2_find(&h->l2, l2_line(h, address));

    if (found) {
        *found |= DIRTY;
    } else {
        h->n.writeback++;
    }
}

typedef bool L1Touch(CacheL1 *c, uint32_t line, bool store, uint32_t *victim);
typedef bool L2Touch(CacheL2 *c, uint32_t line, uint32_t *victim);

/* The line at @address missed L1; @kind, @kernel and @stall as in the access */
__attribute__((always_inline))
static inline unsigned l2_access(CacheHierarchy *h, CacheAccess kind,
                                 uint32_t address, unsigned kernel,
                                 uint32_t *stall, L2Touch *touch)
{
    uint32_t line = l2_line(h, address);
    uint32_t victim;

    *stall += h->stall_l1[kind];
    h->n.l1[kind][kernel]++;
    if (touch(&h->l2, line, &victim)) {
        return CACHE_MISSED_L1;
    }
    *stall += h->stall_l2[kind];
    h->n.l2[kind][kernel]++;
    if (victim != INVALID_L2 && (victim & DIRTY)) {
        h->n.writeback++;
    }
    if (kind != CACHE_FETCH && h->region) {
        h->n.region_l2[h->region[line]]++;
    }
    return CACHE_MISSED_L1 | CACHE_MISSED_L2;
}

__attribute__((always_inline))
static inline unsigned line_access(CacheHierarchy *h, CacheAccess kind,
                                   uint32_t line, unsigned kernel,
                                   uint32_t *stall, L1Touch *touch_l1,
                                   L2Touch *touch_l2)
{
    CacheL1 *l1 = kind == CACHE_FETCH ? &h->l1i : &h->l1d;
    uint32_t victim;
    unsigned missed;

    if (touch_l1(l1, line, kind == CACHE_STORE, &victim)) {
        return 0;
    }
    missed = l2_access(h, kind, line, kernel, stall, touch_l2);
    if ((victim & DIRTY) && !((victim ^ line) & l1->index_mask)) {
        write_back(h, victim & ~DIRTY);
    }
    return missed;
}

/* All that an access does, to be specialised for ways by the compiler */
__attribute__((always_inline))
static inline unsigned access_lines(CacheHierarchy *h, CacheAccess kind,
                                    uint32_t address, uint32_t size,
                                    unsigned kernel, uint32_t *stall,
                                    L1Touch *touch_l1, L2Touch *touch_l2)
{
    uint32_t length = kind == CACHE_FETCH ? h->l1i.line : h->l1d.line;
    uint32_t line = address & ~(length - 1);
    uint32_t last = (address + size - 1) & ~(length - 1);
    unsigned missed = line_access(h, kind, line, kernel, stall, touch_l1,
                                  touch_l2);

    while (line != last) {
        line += length;
        missed |= line_access(h, kind, line, kernel, stall, touch_l1, touch_l2);
    }
    return missed;
}

static unsigned access_any(CacheHierarchy *h, CacheAccess kind,
                           uint32_t address, uint32_t size,
                           unsigned kernel, uint32_t *stall)
{
    return access_lines(h, kind, address, size, kernel, stall, l1_touch,
                        l2_touch);
}

#if defined(__x86_64__)
/* Eight ways in L2, least recently used */
__attribute__((target("avx2")))
static unsigned access_any_8(CacheHierarchy *h, CacheAccess kind,
                             uint32_t address, uint32_t size,
                             unsigned kernel, uint32_t *stall)
{
    return access_lines(h, kind, address, size, kernel, stall, l1_touch,
                        l2_touch_lru_8);
}

/* Eight ways in all caches */
__attribute__((target("avx2")))
static unsigned access_8_8(CacheHierarchy *h, CacheAccess kind,
                           uint32_t address, uint32_t size,
                           unsigned kernel, uint32_t *stall)
{
    return access_lines(h, kind, address, size, kernel, stall, l1_touch_8,
                        l2_touch_lru_8);
}

/* A slot of 64 bytes has room for what a vector holds of it */
static bool fits_vector(const CacheL1 *c)
{
    return c->ways == 8 && c->line >= 64;
}
#endif

static CacheAccessFn *choose_access(const CacheHierarchy *h)
{
#if defined(__x86_64__)
    if (h->l2.policy == CACHE_LRU && h->l2.ways == 8 &&
        __builtin_cpu_supports("avx2")) {
        return fits_vector(&h->l1i) && fits_vector(&h->l1d) ? access_8_8
                                                            : access_any_8;
    }
#endif
    return access_any;
}

bool cache_hierarchy_init(CacheHierarchy *h, uint32_t *fetch_table,
                          uint32_t *data_table, CacheGeometry l1i,
                          CacheGeometry l1d, CacheGeometry l2,
                          CachePolicy policy, uint64_t seed, uint32_t base)
{
    uint32_t sets = l2.size / l2.ways / l2.line;

    l1_init(&h->l1i, fetch_table, l1i);
    l1_init(&h->l1d, data_table, l1d);
    h->l2.tag = calloc((size_t)sets * l2.ways, sizeof(*h->l2.tag));
    h->l2.tree = calloc(sets, sizeof(*h->l2.tree));
    if (!h->l2.tag || !h->l2.tree) {
        cache_hierarchy_destroy(h);
        return false;
    }
    h->l2.set_mask = sets - 1;
    h->l2.ways = l2.ways;
    h->l2.line_shift = __builtin_ctz(l2.line);
    h->l2.policy = policy;
    h->l2.random = seed;
    h->base = base;
    h->access = choose_access(h);
    l2_flush(&h->l2);
    return true;
}

void cache_hierarchy_dma_write(CacheHierarchy *h, uint32_t address,
                               uint32_t size)
{
    uint32_t first_l2 = l2_line(h, address);
    uint32_t last_l2 = l2_line(h, address + size - 1);

    l1_dma_write(&h->l1i, address, size);
    l1_dma_write(&h->l1d, address, size);
    for (uint32_t l = first_l2; l <= last_l2; l++) {
        l2_invalidate(&h->l2, l);
        h->n.dma_lines++;
    }
}

/* No page has this number: there are 2^20 */
#define NO_PAGE UINT32_MAX

const char *cache_tlb_error(uint32_t entries, uint32_t ways)
{
    if (!ways || entries % ways || !power_of_two(entries / ways)) {
        return "entries / ways must be a power of two";
    }
    return NULL;
}

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
