/*
 * L2 misses by call stack
 *
 * Kernel stacks are walked by frame pointer (the guest kernel is built with
 * CONFIG_FRAME_POINTER), through the kernel's linear mapping of RAM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/translation-block.h"
#include "tcg/insn-start-words.h"
#include "hw/boards.h"
#include "exec/memory.h"
#include "cache-profile.h"

#define DEPTH 24

typedef struct Stack {
    uint32_t depth;                     /* 0: user mode */
    uint32_t pc[DEPTH];                 /* innermost first */
    uint64_t misses[3];                 /* by CacheAccess */
} Stack;

struct CacheProfile {
    GHashTable *stacks;
    uint32_t kernel_base;
};

static guint stack_hash(gconstpointer v)
{
    const Stack *s = v;
    uint32_t hash = s->depth;

    for (uint32_t i = 0; i < s->depth; i++) {
        hash = hash * 31 + s->pc[i];
    }
    return hash;
}

static gboolean stack_equal(gconstpointer a, gconstpointer b)
{
    const Stack *s = a, *t = b;

    return s->depth == t->depth &&
           !memcmp(s->pc, t->pc, s->depth * sizeof(s->pc[0]));
}

CacheProfile *cache_profile_new(uint32_t kernel_base)
{
    CacheProfile *p = g_new0(CacheProfile, 1);

    p->stacks = g_hash_table_new(stack_hash, stack_equal);
    p->kernel_base = kernel_base;
    return p;
}

/* The two words at kernel address @address, if they are in RAM */
static bool read_frame(const CacheProfile *p, uint32_t address,
                       uint32_t *caller, uint32_t *pc)
{
    const uint8_t *ram = memory_region_get_ram_ptr(current_machine->ram);
    uint32_t offset = address - p->kernel_base;

    if (address < p->kernel_base || address % 4 ||
        offset + 8 > memory_region_size(current_machine->ram)) {
        return false;
    }
    *caller = ldl_le_p(ram + offset);
    *pc = ldl_le_p(ram + offset + 4);
    return true;
}

/* Linear address of the instruction that the host address @ra belongs to */
static uint32_t find_pc(CPUState *cpu, uintptr_t ra)
{
    CPUX86State *env = cpu_env(cpu);
    uint64_t data[TARGET_INSN_START_WORDS];

    if (!ra || !cpu_unwind_state_data(cpu, ra, data)) {
        return env->eip;
    }
    if (cpu->tcg_cflags & CF_PCREL) {
        return (env->eip & TARGET_PAGE_MASK) | data[0];
    }
    return data[0];
}

static void walk_stack(const CacheProfile *p, CPUState *cpu, uintptr_t ra,
                       Stack *s)
{
    uint32_t frame = cpu_env(cpu)->regs[R_EBP], caller;

    s->pc[s->depth++] = find_pc(cpu, ra);
    while (s->depth < DEPTH &&
           read_frame(p, frame, &caller, &s->pc[s->depth]) &&
           s->pc[s->depth] >= p->kernel_base) {
        s->depth++;
        if (caller <= frame) {
            break;
        }
        frame = caller;
    }
}

void cache_profile_record(CacheProfile *p, CPUState *cpu, CacheAccess kind,
                          bool kernel, uintptr_t ra, uint64_t lines)
{
    Stack key = { }, *found;

    if (kernel) {
        walk_stack(p, cpu, ra, &key);
    }
    found = g_hash_table_lookup(p->stacks, &key);
    if (!found) {
        found = g_memdup2(&key, sizeof(key));
        g_hash_table_add(p->stacks, found);
    }
    found->misses[kind] += lines;
}

static gint compare_stacks(gconstpointer a, gconstpointer b)
{
    const Stack *s = a, *t = b;

    for (uint32_t i = 1; i <= MIN(s->depth, t->depth); i++) {
        uint32_t x = s->pc[s->depth - i], y = t->pc[t->depth - i];

        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return s->depth < t->depth ? -1 : s->depth > t->depth;
}

void cache_profile_write(CacheProfile *p, const char *path)
{
    g_autoptr(GList) all = g_hash_table_get_keys(p->stacks);
    FILE *f = fopen(path, "w");
    bool failed = !f;

    all = g_list_sort(all, compare_stacks);
    for (GList *l = all; l && f; l = l->next) {
        const Stack *s = l->data;

        for (uint32_t i = s->depth; i > 0; i--) {
            fprintf(f, "0x%08x%s", s->pc[i - 1], i > 1 ? ";" : "");
        }
        fprintf(f, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                s->depth ? "" : "user", s->misses[CACHE_FETCH],
                s->misses[CACHE_LOAD], s->misses[CACHE_STORE]);
    }
    if (f) {
        failed = ferror(f);
        failed |= fclose(f) != 0;
    }
    if (failed) {
        error_report("cache-model: writing %s: %s", path, strerror(errno));
        exit(1);
    }
}
