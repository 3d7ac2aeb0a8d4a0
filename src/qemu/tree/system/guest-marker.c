/*
 * Guest markers: see system/guest-marker.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "system/guest-marker.h"

static NotifierList notifiers = NOTIFIER_LIST_INITIALIZER(notifiers);
static int64_t sync_ns = -1;
static bool begun;

void guest_marker_add_notifier(Notifier *notifier)
{
    notifier_list_add(&notifiers, notifier);
}

void guest_marker_execute(const GuestMarker *marker)
{
    begun |= marker->command == GUEST_MARKER_START ||
             marker->command == GUEST_MARKER_SYNC;
    if (marker->command == GUEST_MARKER_SYNC && sync_ns < 0) {
        sync_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    }
    notifier_list_notify(&notifiers, (void *)marker);
}

bool guest_marker_begun(void)
{
    return begun;
}

int64_t guest_marker_sync_ns(void)
{
    return sync_ns;
}
