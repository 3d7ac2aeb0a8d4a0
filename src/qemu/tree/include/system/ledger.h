/*
 * Ledger: where things stand in a guest, read without the guest's help
 *
 * The guest names its own counters once, by their addresses; links say what
 * they have delivered and what still waits in the card.  Whoever writes
 * records adds both to each, so that the guest executes not one instruction
 * for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_LEDGER_H
#define SYSTEM_LEDGER_H

/* One end of a link; frames since the link came up, as its capture has them */
typedef struct LedgerLink {
    uint64_t received;                  /* by the card */
    uint64_t sent;
    uint64_t buffered;                  /* received; in the card's buffer */
    uint64_t pending;                   /* received; in the ring, not taken */
} LedgerLink;

typedef void LedgerReadLink(void *opaque, LedgerLink *link);

/* Links are written in the order in which they were added */
void ledger_add_link(LedgerReadLink *read, void *opaque);

/* Listen to PART markers from now on */
void ledger_start(void);

/* Write ,"links":[...],"parts":{...} to @f: the state at this moment */
void ledger_write(FILE *f);

#endif
