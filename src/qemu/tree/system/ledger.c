/*
 * Ledger: see system/ledger.h
 *
 * A part is a sum of 32-bit words of guest memory, each added or subtracted,
 * modulo 2^32 and read as a signed number: differences of counters that have
 * wrapped are right.  A marker names one word at a time, "NAME SIGN ADDRESS".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "exec/cpu-common.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "system/guest-marker.h"
#include "system/ledger.h"

#define NAME_MAX_LEN 31
#define TEXT_MAX_LEN 80
#define MAX_LINKS 16
#define MAX_PARTS 64
#define MAX_WORDS 256

typedef struct Word {
    unsigned part;
    uint32_t address;
    bool subtract;
} Word;

static struct {
    LedgerReadLink *read;
    void *opaque;
} links[MAX_LINKS];
static char parts[MAX_PARTS][NAME_MAX_LEN + 1];
static Word words[MAX_WORDS];
static unsigned n_links, n_parts, n_words;
static Notifier marker_notifier;

void ledger_add_link(LedgerReadLink *read, void *opaque)
{
    assert(n_links < MAX_LINKS);
    links[n_links].read = read;
    links[n_links].opaque = opaque;
    n_links++;
}

static bool is_name(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == 0;
}

static bool find_part(const char *name, unsigned *part)
{
    for (*part = 0; *part < n_parts; (*part)++) {
        if (g_str_equal(parts[*part], name)) {
            return true;
        }
    }
    if (n_parts == MAX_PARTS) {
        return false;
    }
    g_strlcpy(parts[n_parts++], name, sizeof(parts[0]));
    return true;
}

/* Return: what is wrong with @text, or NULL */
static const char *add_word(const char *text)
{
    char name[NAME_MAX_LEN + 1], sign, end;
    uint32_t address;
    unsigned part;

    if (sscanf(text, "%31s %c %" SCNx32 "%c", name, &sign, &address,
               &end) != 3 || (sign != '+' && sign != '-') || !is_name(name)) {
        return "want NAME +|- ADDRESS";
    }
    if (address % 4 || address >= memory_region_size(current_machine->ram)) {
        return "the address is not that of a word in RAM";
    }
    if (n_words == MAX_WORDS || !find_part(name, &part)) {
        return "too many";
    }
    words[n_words++] = (Word){ part, address, sign == '-' };
    return NULL;
}

static void marker_cb(Notifier *notifier, void *data)
{
    const GuestMarker *marker = data;
    char text[TEXT_MAX_LEN + 1] = "";
    const char *wrong = "the text is too long or not in memory";

    if (marker->command != GUEST_MARKER_PART) {
        return;
    }
    if (marker->edx <= TEXT_MAX_LEN &&
        !cpu_memory_rw_debug(current_cpu, marker->ecx, text, marker->edx,
                             false)) {
        wrong = add_word(text);
    }
    if (wrong) {
        error_report("ledger: PART marker '%s': %s", text, wrong);
        exit(1);
    }
}

void ledger_start(void)
{
    marker_notifier.notify = marker_cb;
    guest_marker_add_notifier(&marker_notifier);
}

static void write_links(FILE *f)
{
    fprintf(f, ",\"links\":[");
    for (unsigned i = 0; i < n_links; i++) {
        LedgerLink link = { 0 };

        links[i].read(links[i].opaque, &link);
        fprintf(f, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
                i ? "," : "", link.received, link.sent, link.buffered,
                link.pending);
    }
    fprintf(f, "]");
}

static void write_parts(FILE *f)
{
    const uint8_t *ram = memory_region_get_ram_ptr(current_machine->ram);
    uint32_t sums[MAX_PARTS] = { 0 };

    for (unsigned i = 0; i < n_words; i++) {
        uint32_t value = ldl_le_p(ram + words[i].address);

        sums[words[i].part] += words[i].subtract ? -value : value;
    }
    fprintf(f, ",\"parts\":{");
    for (unsigned i = 0; i < n_parts; i++) {
        fprintf(f, "%s\"%s\":%" PRId32, i ? "," : "", parts[i],
                (int32_t)sums[i]);
    }
    fprintf(f, "}");
}

void ledger_write(FILE *f)
{
    write_links(f);
    write_parts(f);
}
