/*
 * Timed point-to-point link between two QEMU processes, in virtual time
 *
 * The two ends share a memory-mapped file with a ring in each direction.  A
 * frame carries the virtual time at which it arrives: that at which its last
 * bit has left (the wire takes one frame at a time) plus the latency.  From
 * its guest's SYNC marker on, each end publishes its clock ("all frames sent
 * before this are in the ring") and runs no further than the peer's clock plus
 * the latency, since no unknown frame can arrive before (conservative lock
 * step, as in SimBricks).  Where an end stops for this has no influence on its
 * guest (icount_add_horizon()), so a run depends neither on the host nor on
 * the quantum.  All times on the link count from SYNC.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/iov.h"
#include "qemu/timer.h"
#include "hw/core/cpu.h"
#include "net/net.h"
#include "system/cpu-timers.h"
#include "system/guest-marker.h"
#include "system/ledger.h"
#include "system/system.h"
#include "clients.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define RING (16u << 20)                /* bytes, a power of two */
#define FRAME_MAX 65536
#define SNAP 96                         /* bytes of a frame kept in the pcap */
#define SPINS 2000
#define CLOCK_CLOSED UINT64_MAX

/* Frame check sequence, preamble and gap; frames are padded to 60 bytes */
#define WIRE_OVERHEAD 24
#define WIRE_MIN 60

typedef struct Direction {              /* written by its sender, but tail */
    uint64_t clock;                     /* 1 + ns since SYNC; 0: before it */
    uint32_t changes;                   /* futex word, bumped with clock */
    uint32_t reader_sleeps;
    uint64_t head;                      /* bytes ever written */
    uint64_t pid;                       /* the sender's */
    uint64_t pad[4];
    uint64_t tail;                      /* bytes ever read, by the reader */
    uint64_t pad_tail[7];
    uint8_t ring[RING];
} Direction;

typedef struct Record {                 /* in the ring; then the frame */
    int64_t arrival;                    /* ns since SYNC */
    uint64_t len;
} Record;

typedef struct Frame {
    QSIMPLEQ_ENTRY(Frame) next;
    int64_t arrival;
    size_t len;
    uint8_t data[];
} Frame;

typedef struct Range {
    uint64_t first, number;
} Range;

typedef struct TimedLink {
    NetClientState nc;
    Direction *tx, *rx;
    QEMUTimer *deliver, *resume;
    QSIMPLEQ_HEAD(, Frame) inflight;    /* by arrival */
    Notifier marker, exit;
    int64_t epoch;                      /* virtual time of SYNC, or -1 */
    int64_t wire_free;                  /* ns since SYNC */
    int64_t last_arrival;
    int64_t latency, quantum;
    uint64_t bandwidth, queue, fifo, jitter, jitter_state;
    uint64_t fifo_used;                 /* bytes that wait for the guest */
    QSIMPLEQ_HEAD(, Frame) waiting;     /* their frames, oldest first */
    uint64_t n_waiting;
    char *pcap_path, *stats_path;
    FILE *pcap;
    uint64_t n_advance, n_blocked, n_slept, early_drops;
    uint64_t wait_cpu_ns;               /* host's processor time */
    uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
    uint64_t fifo_drops, fifo_peak;
    GArray *dropped;                    /* Range: which of the received */
} TimedLink;

static int64_t link_now(const TimedLink *s)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - s->epoch;
}

/* --- lock step --- */

static void publish(TimedLink *s, uint64_t clock)
{
    qatomic_store_release(&s->tx->clock, clock);
    qatomic_inc(&s->tx->changes);       /* a full barrier */
    if (qatomic_read(&s->tx->reader_sleeps)) {
        syscall(SYS_futex, &s->tx->changes, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static bool peer_died(const TimedLink *s)
{
    uint64_t pid = qatomic_read(&s->rx->pid);

    return pid && kill(pid, 0) < 0 && errno == ESRCH;
}

/* One sleep until the peer's clock changes, or a while */
static void sleep_for_change(TimedLink *s, uint64_t clock)
{
    const struct timespec second = { .tv_sec = 1 };
    uint32_t seen = qatomic_read(&s->rx->changes);

    if (qatomic_load_acquire(&s->rx->clock) >= clock) {
        return;
    }
    syscall(SYS_futex, &s->rx->changes, FUTEX_WAIT, seen, &second, NULL, 0);
    if (qatomic_load_acquire(&s->rx->clock) < clock && peer_died(s)) {
        error_report("timedlink: the other end (process %" PRIu64 ") died",
                     s->rx->pid);
        _exit(1);
    }
}

static uint64_t processor_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NANOSECONDS_PER_SECOND + t.tv_nsec;
}

static void spin_and_sleep(TimedLink *s, uint64_t clock)
{
    for (int spin = 0; spin < SPINS; spin++) {
        cpu_relax();
        if (qatomic_load_acquire(&s->rx->clock) >= clock) {
            return;
        }
    }
    s->n_slept++;
    qatomic_set_mb(&s->rx->reader_sleeps, 1);
    while (qatomic_load_acquire(&s->rx->clock) < clock &&
           !qatomic_read(&first_cpu->stop)) {
        sleep_for_change(s, clock);
    }
    qatomic_set(&s->rx->reader_sleeps, 0);
}

/* Wait until the peer's clock is at least @clock, or this machine is to stop */
static void wait_for_peer(TimedLink *s, uint64_t clock)
{
    uint64_t start;

    if (qatomic_load_acquire(&s->rx->clock) >= clock) {
        return;
    }
    start = processor_ns();
    spin_and_sleep(s, clock);
    s->n_blocked++;
    s->wait_cpu_ns += processor_ns() - start;
}

static void ring_copy(Direction *d, uint64_t pos, void *buf, size_t n, bool out)
{
    size_t offset = pos % RING, first = MIN(n, RING - offset);

    if (out) {
        memcpy(buf, d->ring + offset, first);
        memcpy((uint8_t *)buf + first, d->ring, n - first);
    } else {
        memcpy(d->ring + offset, buf, first);
        memcpy(d->ring, (uint8_t *)buf + first, n - first);
    }
}

/* Take over all frames that are in the ring */
static void pull_frames(TimedLink *s)
{
    uint64_t head = qatomic_load_acquire(&s->rx->head);
    uint64_t tail = s->rx->tail;

    while (tail < head) {
        Record r;
        Frame *f;

        ring_copy(s->rx, tail, &r, sizeof(r), true);
        if (r.len > FRAME_MAX) {
            error_report("timedlink: the shared file is corrupt");
            _exit(1);
        }
        f = g_malloc(sizeof(*f) + r.len);
        f->arrival = r.arrival;
        f->len = r.len;
        ring_copy(s->rx, tail + sizeof(r), f->data, r.len, true);
        if (QSIMPLEQ_EMPTY(&s->inflight)) {
            timer_mod_ns(s->deliver, s->epoch + f->arrival);
        }
        QSIMPLEQ_INSERT_TAIL(&s->inflight, f, next);
        tail += sizeof(r) + ROUND_UP(r.len, 8);
    }
    qatomic_store_release(&s->rx->tail, tail);
}

static int64_t advance(void *opaque, int64_t now, int64_t margin)
{
    TimedLink *s = opaque;
    int64_t t = now - s->epoch, known;
    uint64_t clock;

    s->n_advance++;
    publish(s, t + 1);
    wait_for_peer(s, MAX(t + margin - s->latency, 0) + 1);
    clock = qatomic_load_acquire(&s->rx->clock);
    pull_frames(s);
    if (clock == CLOCK_CLOSED) {
        return INT64_MAX;
    }
    known = (int64_t)clock - 1 + s->latency;
    return s->epoch + MAX(MIN(known, t + s->quantum), t + margin);
}

/* --- frames --- */

static void log_frame(TimedLink *s, int64_t t, const uint8_t *data, size_t len)
{
    uint32_t kept = MIN(len, SNAP);
    uint32_t header[4] = {
        t / NANOSECONDS_PER_SECOND, t % NANOSECONDS_PER_SECOND, kept, len,
    };

    if (s->pcap) {
        fwrite(header, sizeof(header), 1, s->pcap);
        fwrite(data, kept, 1, s->pcap);
    }
}

/*
 * The guest had no descriptor for a frame, which was kept in the NIC's buffer,
 * and now has taken it.
 */
static void fifo_drained(NetClientState *nc, ssize_t ret)
{
    TimedLink *s = DO_UPCAST(TimedLink, nc, nc);
    Frame *f = QSIMPLEQ_FIRST(&s->waiting);

    QSIMPLEQ_REMOVE_HEAD(&s->waiting, next);
    s->n_waiting--;
    s->fifo_used -= f->len;
    g_free(f);
}

static uint64_t count_received(const TimedLink *s)
{
    return s->rx_frames + s->fifo_drops;
}

/* The frame that has just come finds no room */
static void drop_frame(TimedLink *s)
{
    Range *last = s->dropped->len ? &g_array_index(s->dropped, Range,
                                                   s->dropped->len - 1) : NULL;

    if (last && last->first + last->number == count_received(s)) {
        last->number++;
    } else {
        Range range = { count_received(s), 1 };

        g_array_append_val(s->dropped, range);
    }
    s->fifo_drops++;
}

/* Hand a frame to the NIC; true if it is kept and must not be freed */
static bool deliver_frame(TimedLink *s, Frame *f)
{
    if (s->fifo_used && s->fifo_used + f->len > s->fifo) {
        drop_frame(s);
        return false;
    }
    s->rx_frames++;
    s->rx_bytes += f->len;
    if (qemu_send_packet_async(&s->nc, f->data, f->len, fifo_drained)) {
        return false;
    }
    s->fifo_used += f->len;
    s->fifo_peak = MAX(s->fifo_peak, s->fifo_used);
    QSIMPLEQ_INSERT_TAIL(&s->waiting, f, next);
    s->n_waiting++;
    return true;
}

/* One frame at a time, so that other timers run between by their own times */
static void deliver_cb(void *opaque)
{
    TimedLink *s = opaque;
    Frame *f = QSIMPLEQ_FIRST(&s->inflight);

    QSIMPLEQ_REMOVE_HEAD(&s->inflight, next);
    log_frame(s, link_now(s), f->data, f->len);
    if (!deliver_frame(s, f)) {
        g_free(f);
    }
    f = QSIMPLEQ_FIRST(&s->inflight);
    if (f) {
        timer_mod_ns(s->deliver, s->epoch + f->arrival);
    }
}

static int64_t next_jitter(TimedLink *s)
{
    uint64_t z;

    if (!s->jitter) {
        return 0;
    }
    z = s->jitter_state += 0x9e3779b97f4a7c15ull;       /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return z % (s->jitter + 1);
}

static uint64_t wire_ns(const TimedLink *s, uint64_t bytes)
{
    return s->bandwidth ? bytes * 8 * NANOSECONDS_PER_SECOND / s->bandwidth : 0;
}

static void send_frame(TimedLink *s, int64_t now, const uint8_t *data,
                       size_t len)
{
    uint64_t head = s->tx->head;
    Record r = { .len = len };

    s->wire_free = MAX(s->wire_free, now) +
                   wire_ns(s, MAX(len, WIRE_MIN) + WIRE_OVERHEAD);
    r.arrival = MAX(s->wire_free + s->latency + next_jitter(s),
                    s->last_arrival);
    s->last_arrival = r.arrival;
    if (head + sizeof(r) + len + 8 - qatomic_load_acquire(&s->tx->tail) > RING) {
        error_report("timedlink: %u bytes are under way; set queue= lower",
                     RING);
        _exit(1);
    }
    ring_copy(s->tx, head, &r, sizeof(r), false);
    ring_copy(s->tx, head + sizeof(r), (void *)data, len, false);
    qatomic_store_release(&s->tx->head, head + sizeof(r) + ROUND_UP(len, 8));
    s->tx_frames++;
    s->tx_bytes += len;
    log_frame(s, now, data, len);
}

static ssize_t timedlink_receive(NetClientState *nc, const uint8_t *data,
                                 size_t len)
{
    TimedLink *s = DO_UPCAST(TimedLink, nc, nc);
    int64_t now, room;

    if (s->epoch < 0 || len > FRAME_MAX) {
        s->early_drops++;
        return len;
    }
    now = link_now(s);
    room = s->wire_free - (int64_t)wire_ns(s, s->queue);
    if (room > now) {
        /* The NIC keeps it, and whatever comes after it: see resume_cb() */
        timer_mod_ns(s->resume, s->epoch + room);
        return 0;
    }
    send_frame(s, now, data, len);
    return len;
}

static void resume_cb(void *opaque)
{
    TimedLink *s = opaque;

    qemu_flush_queued_packets(&s->nc);
}

static void read_link(void *opaque, LedgerLink *link)
{
    const TimedLink *s = opaque;
    NetClientState *nic = s->nc.peer;

    link->received = count_received(s);
    link->sent = s->tx_frames;
    link->buffered = s->n_waiting;
    if (nic && nic->info->receive_pending) {
        link->pending = nic->info->receive_pending(nic);
    }
}

/* --- life --- */

static void marker_cb(Notifier *notifier, void *data)
{
    TimedLink *s = container_of(notifier, TimedLink, marker);
    const GuestMarker *marker = data;

    if (marker->command == GUEST_MARKER_SYNC && s->epoch < 0) {
        s->epoch = guest_marker_sync_ns();
        icount_add_horizon(advance, s);
    }
}

static void write_dropped(const TimedLink *s, FILE *f)
{
    fprintf(f, "\"dropped\":[");
    for (guint i = 0; i < s->dropped->len; i++) {
        const Range *range = &g_array_index(s->dropped, Range, i);

        fprintf(f, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", range->first,
                range->number);
    }
    fprintf(f, "],");
}

static void write_stats(const TimedLink *s)
{
    FILE *f = fopen(s->stats_path, "w");
    bool failed = !f;

    if (f) {
        fprintf(f, "{");
        write_dropped(s, f);
        fprintf(f, "\"tx_frames\":%" PRIu64 ",\"tx_bytes\":%" PRIu64
                ",\"rx_frames\":%" PRIu64 ",\"rx_bytes\":%" PRIu64
                ",\"fifo_drops\":%" PRIu64
                ",\"fifo_peak_bytes\":%" PRIu64 ",\"early_drops\":%" PRIu64
                ",\"link_ns\":%" PRId64 ",\"syncs\":%" PRIu64
                ",\"blocked\":%" PRIu64 ",\"slept\":%" PRIu64
                ",\"wait_cpu_ns\":%" PRIu64 "}\n",
                s->tx_frames, s->tx_bytes, s->rx_frames, s->rx_bytes,
                s->fifo_drops, s->fifo_peak, s->early_drops,
                s->epoch < 0 ? -1 : link_now(s), s->n_advance, s->n_blocked,
                s->n_slept, s->wait_cpu_ns);
        failed = ferror(f);
        failed |= fclose(f) != 0;
    }
    if (failed) {
        error_report("timedlink: writing %s: %s", s->stats_path,
                     strerror(errno));
        _exit(1);
    }
}

static void exit_cb(Notifier *notifier, void *data)
{
    TimedLink *s = container_of(notifier, TimedLink, exit);

    publish(s, CLOCK_CLOSED);
    if (s->pcap) {
        bool failed = ferror(s->pcap);

        failed |= fclose(s->pcap) != 0;
        if (failed) {
            error_report("timedlink: writing %s: %s", s->pcap_path,
                         strerror(errno));
            _exit(1);
        }
    }
    if (s->stats_path) {
        write_stats(s);
    }
}

static bool open_pcap(TimedLink *s, Error **errp)
{
    /* pcap with nanoseconds, version 2.4, Ethernet */
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, accuracy, snap, network;
    } header = { 0xa1b23c4d, 2, 4, 0, 0, SNAP, 1 };

    s->pcap = fopen(s->pcap_path, "wb");
    if (!s->pcap) {
        error_setg_file_open(errp, errno, s->pcap_path);
        return false;
    }
    setvbuf(s->pcap, NULL, _IOFBF, 1 << 20);
    fwrite(&header, sizeof(header), 1, s->pcap);
    return true;
}

static Direction *map_directions(const char *path, Error **errp)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    Direction *d = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, 2 * sizeof(*d)) == 0) {
        d = mmap(NULL, 2 * sizeof(*d), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                 0);
    }
    if (d == MAP_FAILED) {
        error_setg_file_open(errp, errno, path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return d == MAP_FAILED ? NULL : d;
}

static unsigned n_links;                /* in the order of the command line */

static NetClientInfo net_timedlink_info = {
    .type = NET_CLIENT_DRIVER_TIMEDLINK,
    .size = sizeof(TimedLink),
    .receive = timedlink_receive,
};

static bool check_options(const NetdevTimedLinkOptions *o, int64_t latency,
                          int64_t quantum, Error **errp)
{
    if (!icount_deterministic) {
        error_setg(errp, "timedlink: needs -icount shift=0,sleep=off,num=,den=");
    } else if (o->side > 1) {
        error_setg(errp, "timedlink: side must be 0 or 1");
    } else if (quantum < 1 || quantum > latency) {
        error_setg(errp, "timedlink: need 0 < quantum <= latency");
    } else if (quantum < 2 * icount_horizon_margin()) {
        error_setg(errp, "timedlink: quantum must be at least %" PRId64 " ns "
                   "at this clock rate", 2 * icount_horizon_margin());
    } else {
        return true;
    }
    return false;
}

int net_init_timedlink(const Netdev *netdev, const char *name,
                       NetClientState *peer, Error **errp)
{
    const NetdevTimedLinkOptions *o = &netdev->u.timedlink;
    int64_t latency = o->has_latency ? o->latency : 50000;
    int64_t quantum = o->has_quantum ? o->quantum : latency;
    NetClientState *nc;
    Direction *d;
    TimedLink *s;

    if (!check_options(o, latency, quantum, errp)) {
        return -1;
    }
    d = map_directions(o->path, errp);
    if (!d) {
        return -1;
    }
    nc = qemu_new_net_client(&net_timedlink_info, peer, "timedlink", name);
    s = DO_UPCAST(TimedLink, nc, nc);
    s->tx = d + o->side;
    s->rx = d + !o->side;
    s->latency = latency;
    s->quantum = quantum;
    s->bandwidth = o->bandwidth;
    s->queue = o->has_queue ? o->queue : 16 * 1024;
    s->fifo = o->has_fifo ? o->fifo : 48 * 1024;
    s->jitter = o->jitter;
    s->jitter_state = o->jitter_seed;
    s->epoch = -1;
    QSIMPLEQ_INIT(&s->inflight);
    QSIMPLEQ_INIT(&s->waiting);
    s->pcap_path = g_strdup(o->pcap);
    s->stats_path = g_strdup(o->stats);
    if (s->pcap_path && !open_pcap(s, errp)) {
        qemu_del_net_client(nc);
        return -1;
    }
    /*
     * When it is set depends on how far ahead the peer is.  Frames of several
     * links that arrive at once are delivered in the links' order.
     */
    s->deliver = timer_new_full(NULL, QEMU_CLOCK_VIRTUAL, SCALE_NS,
                                QEMU_TIMER_ATTR_FIRST_RANKED(n_links++),
                                deliver_cb, s);
    s->resume = timer_new_ns(QEMU_CLOCK_VIRTUAL, resume_cb, s);
    s->dropped = g_array_new(false, false, sizeof(Range));
    s->marker.notify = marker_cb;
    guest_marker_add_notifier(&s->marker);
    s->exit.notify = exit_cb;
    qemu_add_exit_notifier(&s->exit);
    ledger_add_link(read_link, s);
    qatomic_set(&s->tx->pid, getpid());
    qemu_set_info_str(nc, "timedlink %s side %u", o->path, o->side);
    return 0;
}
