/*
 * Guest markers: instructions by which a guest talks to models around it
 *
 * `xchg %bx,%bx` (66 87 db) with a command in EAX and arguments in ECX, EDX.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_GUEST_MARKER_H
#define SYSTEM_GUEST_MARKER_H

#include "qemu/notify.h"

typedef enum GuestMarkerCommand {
    GUEST_MARKER_START = 1,             /* the region of interest begins */
    GUEST_MARKER_STOP = 2,              /* and ends */
    GUEST_MARKER_NOTE = 3,              /* ECX: number for the record */
    GUEST_MARKER_SYNC = 4,              /* links begin to run in lock step */
    GUEST_MARKER_REGION = 5,            /* ECX: physical start, EDX: lines << 8 | number */
    GUEST_MARKER_PART = 7,              /* ECX: text, EDX: its length; see ledger.c */
} GuestMarkerCommand;

typedef struct GuestMarker {
    uint32_t command, ecx, edx;
} GuestMarker;

/* @notifier gets a GuestMarker, in the vCPU thread without the BQL */
void guest_marker_add_notifier(Notifier *notifier);
void guest_marker_execute(const GuestMarker *marker);

/* Virtual time of the first SYNC marker in ns, or -1 */
int64_t guest_marker_sync_ns(void);

/* Whether START or SYNC was executed: before, nothing is measured */
bool guest_marker_begun(void);

#endif
