# SPDX-License-Identifier: MIT
"""The steady window: where it lies, whether it is steady, and what was measured in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from testbed.experiment import Experiment
from testbed.link.capture import Floats, Traffic, measure_open
from testbed.link.pcap import Frames, Ints
from testbed.measurement import ByMode, EventRates, Misses, Percentiles, Window
from testbed.outputs.counters import EVENTS

BINS = 200  # of the whole run, to find where the load stands at its level
STEADY_BINS = 40  # of the window, to judge whether it is steady
LEVEL_SHARE = 0.95  # the load stands while it is above this share of its median
STEP_GOAL = 0.05  # the first start is taken from which on no step exceeds this
WIRE_OVERHEAD = 24  # preamble, checksum and gap of an Ethernet frame, bytes
WIRE_MINIMUM = 60  # shorter frames are padded
MISS_KINDS = ("l1i", "l1d_load", "l1d_store", "l2_fetch", "l2_load", "l2_store", "itlb", "dtlb")


@dataclass(frozen=True)
class Span:
    """A candidate window in link ns; ``step`` is its largest relative change of throughput."""

    start_ns: int
    end_ns: int
    step: float


def find_span(experiment: Experiment, traffic: Traffic, completions: Ints) -> Span | None:
    """The part of the run in which the load stands at its level, its transient cut off.

    The kind of load says what stands at a level, and for how many completions at least its
    transient lasts.  Returns None when there is too little work to speak of a level.
    """
    if len(completions) < 2 * STEADY_BINS:
        return None
    load = experiment.load
    events = load.list_events(traffic, completions)
    edges = np.linspace(events[0], events[-1] + 1, BINS + 1).astype(np.int64)
    level = load.measure_level(traffic, completions, edges)
    middle = float(np.median(level[BINS // 4 : 3 * BINS // 4]))
    standing = np.flatnonzero(level >= LEVEL_SHARE * middle)
    start, end = int(edges[standing[0]]), int(edges[standing[-1] + 1])
    if load.turnover:
        turnover = np.searchsorted(completions, start) + load.turnover
        if turnover < len(completions):
            start = max(start, int(completions[turnover]))
    fewest = max(2 * STEADY_BINS, load.turnover)
    return _cut_transient(completions, start, end, fewest) if end > start else None


def _cut_transient(completions: Ints, start: int, end: int, fewest: int) -> Span | None:
    """Try later and later starts; take the first that is steady, else the steadiest.

    A wave of connections that arrived together takes several turnovers to flatten, so up to
    seven tenths may go, as long as ``fewest`` completions remain.
    """
    best: Span | None = None
    for tenths in range(8):
        begin = start + (end - start) * tenths // 10
        inside = completions[(completions >= begin) & (completions < end)]
        if len(inside) < fewest:
            break
        span = Span(begin, end, find_step(inside, begin, end))
        if best is None or span.step < best.step:
            best = span
        if span.step <= STEP_GOAL:
            break
    return best


def find_step(completions: Ints, start: int, end: int) -> float:
    """Largest relative difference of mean throughput over all splits of the window.

    The changepoint statistic of a single step, with at least a fifth of the window on each side.
    """
    counts = np.histogram(completions, np.linspace(start, end, STEADY_BINS + 1))[0]
    total, sums = counts.sum(), np.cumsum(counts)
    splits = np.arange(STEADY_BINS // 5, STEADY_BINS - STEADY_BINS // 5 + 1)
    before = sums[splits - 1] / splits
    after = (total - sums[splits - 1]) / (STEADY_BINS - splits)
    return float(np.abs(before - after).max() / (total / STEADY_BINS)) if total else 1.0


def build_series(
    counters: pl.DataFrame, traffic: Traffic, completions: Ints, frames: Frames
) -> pl.DataFrame:
    """One row a sample interval after `sync`: link time of its end, and increments within."""
    samples = counters.filter(pl.col("link_ns") >= 0).unique("link_ns", keep="last").sort("link_ns")
    if samples.height < 2:
        return pl.DataFrame({"link_ns": pl.Series([], dtype=pl.Int64)})
    edges = samples["link_ns"].to_numpy().astype(np.int64)
    numbers = [name for name in samples.columns if name not in {"ev", "t", "link_ns"}]
    series = samples.select(
        pl.col("link_ns"),
        pl.col("link_ns").diff().alias("duration_ns"),
        *(pl.col(name).diff().alias(name) for name in numbers),
    ).slice(1)

    def count(times: Ints, weights: Ints | None = None) -> pl.Series:
        return pl.Series(np.histogram(times, edges, weights=weights)[0].astype(np.int64))

    wire = np.maximum(frames.all_wire, WIRE_MINIMUM) + WIRE_OVERHEAD
    sent = frames.all_sent
    return series.with_columns(
        pl.Series("open_connections", measure_open(traffic.connections, edges)),
        count(completions).alias("completed"),
        count(traffic.payload_time, traffic.payload_bytes).alias("payload_bytes"),
        count(traffic.retransmitted).alias("retransmitted"),
        count(traffic.syn_retransmitted).alias("syn_retransmitted"),
        count(frames.all_time_ns[sent], wire[sent]).alias("sent_wire_bytes"),
        count(frames.all_time_ns[~sent], wire[~sent]).alias("received_wire_bytes"),
        count(frames.all_time_ns[sent]).alias("sent_frames"),
        count(frames.all_time_ns[~sent]).alias("received_frames"),
    )


def measure_window(
    experiment: Experiment, span: Span, series: pl.DataFrame, traffic: Traffic
) -> Window | None:
    """What happened in the whole sample intervals inside ``span``; None if there is none."""
    inside = series.filter(
        (pl.col("link_ns") - pl.col("duration_ns") >= span.start_ns)
        & (pl.col("link_ns") <= span.end_ns)
    )
    if inside.height == 0:
        return None
    sums: dict[str, int] = inside.sum().row(0, named=True)
    elapsed = sums["duration_ns"]
    requests = sums["completed"]
    per = max(requests, 1)
    end = int(inside["link_ns"][-1])
    start = end - elapsed
    idle = sums["idle_ns"] / elapsed
    weights = inside["duration_ns"] / elapsed
    opened = traffic.connections.opened
    arrivals = int(np.count_nonzero((opened >= start) & (opened < end)))
    wire_bits = experiment.link.bandwidth * elapsed / 1e9
    return Window(
        start_ns=start,
        end_ns=end,
        requests=requests,
        requests_per_s=requests / elapsed * 1e9,
        arrivals_per_s=arrivals / elapsed * 1e9,
        bytes_per_s=sums["payload_bytes"] / elapsed * 1e9,
        open_connections=float((inside["open_connections"] * weights).sum()),
        cycles_per_request=(elapsed - sums["idle_ns"]) * experiment.core.clock_mhz / 1000 / per,
        instructions_per_request=_mode(sums, "insn", per),
        misses_per_request=Misses(**{kind: _mode(sums, kind, per) for kind in MISS_KINDS}),
        writebacks_per_request=sums["writeback"] / per,
        dma_lines_per_request=sums["dma_lines"] / per,
        events_per_request=EventRates(**{name: sums[f"event_{name}"] / per for name in EVENTS}),
        stall_share=min(1.0, sums["stall_milli"] / 1000 / max(sums["units"], 1)),
        busy_share=max(0.0, 1 - idle),
        idle_share=min(1.0, idle),
        link_transmit=sums["sent_wire_bytes"] * 8 / wire_bits,
        link_receive=sums["received_wire_bytes"] * 8 / wire_bits,
        sent_frames_per_s=sums["sent_frames"] / elapsed * 1e9,
        received_frames_per_s=sums["received_frames"] / elapsed * 1e9,
        retransmissions=sums["retransmitted"],
        syn_retransmissions=sums["syn_retransmitted"],
        request_latency_us=_request_latency(traffic, start, end),
        connection_latency_us=_connection_latency(traffic, start, end),
    )


def _mode(sums: dict[str, int], kind: str, per: int) -> ByMode:
    return ByMode(user=sums[f"{kind}_user"] / per, kernel=sums[f"{kind}_kernel"] / per)


def _request_latency(traffic: Traffic, start: int, end: int) -> Percentiles:
    responses = traffic.responses
    inside = (responses.answered >= start) & (responses.answered < end)
    return summarise_latency(responses.latency_ns[inside] / 1000)


def _connection_latency(traffic: Traffic, start: int, end: int) -> Percentiles:
    connections = traffic.connections
    inside = (connections.last_byte >= start) & (connections.last_byte < end)
    return summarise_latency((connections.last_byte - connections.opened)[inside] / 1000)


def summarise_latency(latency_us: Floats) -> Percentiles:
    """Percentiles by the nearest rank (no interpolation: each is a latency that occurred)."""
    if len(latency_us) == 0:
        return Percentiles(p50=0, p90=0, p99=0, maximum=0, mean=0, count=0)
    p50, p90, p99 = np.percentile(latency_us, [50, 90, 99], method="inverted_cdf")
    return Percentiles(
        p50=float(p50),
        p90=float(p90),
        p99=float(p99),
        maximum=float(latency_us.max()),
        mean=float(latency_us.mean()),
        count=len(latency_us),
    )
