# SPDX-License-Identifier: MIT
"""The registry of metrics: what each is, in which unit, and how it is read from a window."""

# DEVIATIONS.md: [counter]

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ground.errors import UsageError
from testbed.measurement import Measurement, Window


@dataclass(frozen=True)
class Metric:
    """A quantity of a run's steady window (``read``), or of the whole run (``count``)."""

    name: str
    label: str
    unit: str
    definition: str
    read: Callable[[Window], float | None] | None = None
    count: Callable[[Measurement], float | None] | None = None

    def find(self, measurement: Measurement) -> float | None:
        """Its value; None if the run has none."""
        if self.count:
            return self.count(measurement)
        return self.read(measurement.window) if self.read and measurement.window else None


def _share_of_connections(measurement: Measurement, count: int) -> float | None:
    load = measurement.experiment.load
    return count / load.asked if load.open_loop and load.asked else None


def _count_own(measurement: Measurement) -> float | None:
    """Misses on memory that TUX itself has marked, its code left out."""
    if measurement.attribution is None:
        return None
    found = measurement.attribution.misses_per_request.items()
    return sum(misses for name, misses in found if name.startswith("tux-") and name != "tux-text")


def _count_alive(measurement: Measurement) -> float | None:
    """The most requests alive at a time, if the server's allocator keeps count."""
    return next((float(o.peak) for o in measurement.pooled if o.name == "tux_req"), None)


def _find_cycles_per_bit(window: Window) -> float | None:
    bits = 8 * window.bytes_per_s
    return window.cycles_per_request * window.requests_per_s / bits if bits else None


def _find_cycles_per_frame(window: Window) -> float | None:
    frames = window.sent_frames_per_s + window.received_frames_per_s
    return window.cycles_per_request * window.requests_per_s / frames if frames else None


def _find_lead(measurement: Measurement) -> float | None:
    """How much fuller the server's processor is than the client's and than the wire."""
    window = measurement.window
    if window is None:
        return None
    others = max(_find_client_busy(measurement) or 0.0, _find_wire_share(window))
    return window.busy_share / others if others else None


def _find_client_busy(measurement: Measurement) -> float | None:
    return max(measurement.client_busy_share, default=None)


def _find_wire_share(window: Window) -> float:
    return max(window.link_transmit, window.link_receive)


_ALL = (
    Metric(
        "throughput",
        "throughput",
        "requests/s",
        "Responses completed in the steady window per second of virtual time.",
        lambda w: w.requests_per_s,
    ),
    Metric(
        "l2_data",
        "L2 data misses",
        "misses/request",
        "L2 misses of loads and stores, user and kernel, per completed request; misses of DMA "
        "and prefetches are not among them (the machine has no prefetcher).",
        lambda w: w.misses_per_request.l2_data,
    ),
    Metric(
        "l2_fetch",
        "L2 instruction misses",
        "misses/request",
        "L2 misses of instruction fetches, user and kernel, per completed request: the analogue "
        "of the P6 event BUS_TRAN_IFETCH (bus transactions for instruction fetches) that is "
        "behind the paper's i-cache numbers.",
        lambda w: w.misses_per_request.l2_fetch.total,
    ),
    Metric(
        "l2_total",
        "L2 misses",
        "misses/request",
        "All demand L2 misses per completed request: l2_data + l2_fetch.",
        lambda w: w.misses_per_request.l2_total,
    ),
    Metric(
        "l1i",
        "L1 instruction misses",
        "misses/request",
        "L1I misses, user and kernel, per completed request.",
        lambda w: w.misses_per_request.l1i.total,
    ),
    Metric(
        "cycles",
        "cycles",
        "cycles/request",
        "Busy core cycles (instructions x base CPI + stalls) per completed request.",
        lambda w: w.cycles_per_request,
    ),
    Metric(
        "instructions",
        "instructions",
        "instructions/request",
        "Instructions, user and kernel, per completed request.",
        lambda w: w.instructions_per_request.total,
    ),
    Metric(
        "stall_share",
        "share of cycles in stalls",
        "",
        "Part of the busy cycles spent waiting for misses, for devices and for the entry of "
        "interrupts and the return from them.",
        lambda w: w.stall_share,
    ),
    Metric(
        "device_accesses",
        "accesses to devices",
        "accesses/request",
        "Reads and writes of device registers and of I/O ports, the interrupt controller's among "
        "them, per completed request.",
        lambda w: w.events_per_request.device_accesses,
    ),
    Metric(
        "interrupts",
        "interrupts",
        "interrupts/request",
        "Interrupts from devices, the timer among them, per completed request.",
        lambda w: w.events_per_request.interrupt,
    ),
    Metric(
        "open_connections",
        "open connections",
        "connections",
        "Time-weighted mean of the connections open at the server in the steady window.",
        lambda w: w.open_connections,
    ),
    Metric(
        "busy_share",
        "busy share",
        "",
        "Part of virtual time in which the server's CPU was not halted.",
        lambda w: w.busy_share,
    ),
    Metric(
        "cycles_per_bit",
        "cycles per bit",
        "cycles/bit",
        "Busy core cycles per bit of TCP payload that the server received or sent.",
        _find_cycles_per_bit,
    ),
    Metric(
        "cycles_per_frame",
        "cycles per frame",
        "cycles/frame",
        "Busy core cycles per Ethernet frame that the server received or sent, those that only "
        "acknowledge among them.",
        _find_cycles_per_frame,
    ),
    Metric(
        "client_busy",
        "busy share of the client",
        "",
        "Part of virtual time, over the whole load, in which the busiest client's processor was "
        "not idle.",
        count=_find_client_busy,
    ),
    Metric(
        "wire_share",
        "share of the wire",
        "",
        "Part of the wire's bandwidth in use, in the fuller of both directions.",
        _find_wire_share,
    ),
    Metric(
        "server_lead",
        "server's lead",
        "",
        "Busy share of the server's processor over that of what is next: client_busy or "
        "wire_share, whichever is more.",
        count=_find_lead,
    ),
    Metric(
        "latency_p50",
        "median of a request's latency",
        "us",
        "Request's first byte in to response's last byte out, at the server's end of the wire.",
        lambda w: w.request_latency_us.p50,
    ),
    Metric(
        "latency_p90",
        "90th percentile of a request's latency",
        "us",
        "Request's first byte in to response's last byte out, at the server's end of the wire.",
        lambda w: w.request_latency_us.p90,
    ),
    Metric(
        "latency_p99",
        "99th percentile of a request's latency",
        "us",
        "Request's first byte in to response's last byte out, at the server's end of the wire.",
        lambda w: w.request_latency_us.p99,
    ),
    Metric(
        "connection_p99",
        "99th percentile of a connection's latency",
        "us",
        "First SYN in to response's last byte out, at the server's end of the wire: with the wait "
        "in the card, as a SYN and for accept.",
        lambda w: w.connection_latency_us.p99,
    ),
    Metric(
        "failed_share",
        "failed connections",
        "",
        "Part of the connections that httperf did not see to their end: refused, reset, or given "
        "up after its time limit.",
        count=lambda m: _share_of_connections(m, m.load_report.errors),
    ),
    Metric(
        "timeout_share",
        "timeouts",
        "",
        "Part of the connections that httperf gave up after its time limit.",
        count=lambda m: _share_of_connections(m, m.load_report.timeouts),
    ),
    Metric(
        "recovery_s",
        "recovery time",
        "s",
        "Virtual time from the begin of a spike until replies are back at the offered rate (but "
        "for 5 %, over 100 ms) and open connections at no more than four times as many as before "
        "it; only of runs with a spike, and none where the server never recovers while the load "
        "lasts.",
        count=lambda m: m.recovery.recovered_s if m.recovery else None,
    ),
    Metric(
        "late_replies",
        "replies long after a spike",
        "requests/s",
        "Replies per second in the last 200 ms of the load; only of runs with a spike.",
        count=lambda m: m.recovery.late_replies_per_s if m.recovery else None,
    ),
    Metric(
        "most_open",
        "open connections at most",
        "connections",
        "The most connections open at a time (mean over 10 ms) after a spike; only of runs with "
        "one.",
        count=lambda m: m.recovery.most_open if m.recovery else None,
    ),
    Metric(
        "l2_own",
        "L2 misses on the server's own data",
        "misses/request",
        "L2 misses of loads and stores on memory that the server itself marked (its requests' "
        "objects, globals, stack), per completed request; only of runs that mark memory.",
        count=_count_own,
    ),
    Metric(
        "requests_alive",
        "requests alive at most",
        "requests",
        "The most requests that were alive at a time, by the account of Stingy's allocator over "
        "the whole run; only of servers that have it.",
        count=_count_alive,
    ),
)
METRICS = {metric.name: metric for metric in _ALL}


def find_metric(name: str) -> Metric:
    """The metric ``name``.  Raises UsageError if there is none."""
    if name not in METRICS:
        raise UsageError(f"no metric {name!r}", hint=f"choose one of {', '.join(METRICS)}")
    return METRICS[name]
