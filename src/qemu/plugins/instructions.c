/*
 * Instructions by function: counts how often each translated block is
 * executed between the guest's markers `start` and `stop`
 *
 * Option out=FILE; kernel-base=ADDRESS is where the kernel's part of the
 * address space begins.  Writes lines `0xADDRESS INSTRUCTIONS`, and one line
 * `user INSTRUCTIONS` for all that lies below.
 *
 * The guest's virtual time does not know of it.  A block that an exception
 * leaves half-way counts whole.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

#define MARKER "\x66\x87\xdb"           /* xchg %bx, %bx */
#define MARKER_START 1
#define MARKER_STOP 2

typedef struct Block {
    uint64_t address;
    struct qemu_plugin_scoreboard *instructions;
} Block;

static struct {
    GHashTable *blocks;                 /* by address */
    struct qemu_plugin_register *eax;
    uint64_t kernel_base;
    char *path;
} profile;

static qemu_plugin_u64 counter(const Block *b)
{
    return qemu_plugin_scoreboard_u64(b->instructions);
}

static gint compare_blocks(gconstpointer a, gconstpointer b)
{
    const Block *x = a, *y = b;

    return x->address < y->address ? -1 : x->address > y->address;
}

static void write_profile(void)
{
    g_autoptr(GList) all = g_hash_table_get_values(profile.blocks);
    FILE *f = fopen(profile.path, "w");
    uint64_t user = 0;

    if (!f) {
        fprintf(stderr, "instructions: %s: %s\n", profile.path,
                strerror(errno));
        return;
    }
    all = g_list_sort(all, compare_blocks);
    for (GList *l = all; l; l = l->next) {
        const Block *b = l->data;
        uint64_t n = qemu_plugin_u64_sum(counter(b));

        if (b->address < profile.kernel_base) {
            user += n;
        } else if (n) {
            fprintf(f, "0x%08" PRIx64 " %" PRIu64 "\n", b->address, n);
        }
    }
    fprintf(f, "user %" PRIu64 "\n", user);
    if (ferror(f) | fclose(f)) {
        fprintf(stderr, "instructions: writing %s: %s\n", profile.path,
                strerror(errno));
    }
}

static void marked(unsigned int cpu, void *unused)
{
    g_autoptr(GByteArray) value = g_byte_array_new();
    GHashTableIter i;
    gpointer b;

    qemu_plugin_read_register(profile.eax, value);
    switch (value->data[0]) {
    case MARKER_START:
        g_hash_table_iter_init(&i, profile.blocks);
        while (g_hash_table_iter_next(&i, NULL, &b)) {
            qemu_plugin_u64_set(counter(b), cpu, 0);
        }
        break;
    case MARKER_STOP:
        write_profile();
        break;
    }
}

static Block *find_block(uint64_t address)
{
    Block *b = g_hash_table_lookup(profile.blocks, &address);

    if (!b) {
        b = g_new0(Block, 1);
        b->address = address;
        b->instructions = qemu_plugin_scoreboard_new(sizeof(uint64_t));
        g_hash_table_insert(profile.blocks, &b->address, b);
    }
    return b;
}

static bool is_marker(struct qemu_plugin_insn *insn)
{
    uint8_t code[sizeof(MARKER) - 1];

    return qemu_plugin_insn_data(insn, code, sizeof(code)) == sizeof(code) &&
           !memcmp(code, MARKER, sizeof(code));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_tb_vaddr(tb);

    /* Blocks of user programs share one counter: who runs is not known here */
    if (address < profile.kernel_base) {
        address = 0;
    }
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
        tb, QEMU_PLUGIN_INLINE_ADD_U64, counter(find_block(address)), n);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        if (is_marker(insn)) {
            qemu_plugin_register_vcpu_insn_exec_cb(
                insn, marked, QEMU_PLUGIN_CB_R_REGS, NULL);
        }
    }
}

static void started(qemu_plugin_id_t id, unsigned int cpu)
{
    g_autoptr(GArray) registers = qemu_plugin_get_registers();

    for (guint i = 0; i < registers->len; i++) {
        qemu_plugin_reg_descriptor *r =
            &g_array_index(registers, qemu_plugin_reg_descriptor, i);

        if (g_str_equal(r->name, "eax")) {
            profile.eax = r->handle;
        }
    }
}

static bool read_option(const char *option)
{
    g_auto(GStrv) pair = g_strsplit(option, "=", 2);

    if (!pair[0] || !pair[1]) {
        return false;
    }
    if (g_str_equal(pair[0], "out")) {
        profile.path = g_strdup(pair[1]);
        return true;
    }
    if (g_str_equal(pair[0], "kernel-base")) {
        profile.kernel_base = g_ascii_strtoull(pair[1], NULL, 0);
        return true;
    }
    return false;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info, int argc,
                                           char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!read_option(argv[i])) {
            fprintf(stderr, "instructions: no option %s\n", argv[i]);
            return -1;
        }
    }
    if (!profile.path) {
        fprintf(stderr, "instructions: want out=FILE\n");
        return -1;
    }
    profile.blocks = g_hash_table_new(g_int64_hash, g_int64_equal);
    qemu_plugin_register_vcpu_init_cb(id, started);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
