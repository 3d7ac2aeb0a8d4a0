# SPDX-License-Identifier: MIT
"""Validity gates: whether a run measured what was asked, each with number, bound and remedy.

A load generator's throughput can look healthy while most connections sleep in retransmission
timeouts.  No run counts before these gates have passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.experiment import Experiment
from testbed.link.recovery import Recovery
from testbed.measurement import Losses, Window, Zone
from testbed.records import SERVER_BUSY, Gate, LoadReport, make_gate
from testbed.window import Span

CLIENT_BUSY = 0.90
STEP = 0.10
LOSS_PER_REQUEST = 0.001  # "no retransmission to speak of"
WINDOW_SAMPLES = 10
LOSS_GATES = frozenset(
    {
        "server-nic-drops",
        "client-nic-drops",
        "retransmissions",
        "syn-retransmissions",
        "timeouts",
        "listen-overflows",
        "memory-aborts",
        "errors",
    }
)


@dataclass(frozen=True)
class Observations:
    """All that the gates look at."""

    experiment: Experiment
    window: Window | None
    window_samples: int
    span: Span | None
    server: Losses
    clients: tuple[Losses, ...]
    client_busy: tuple[float, ...]
    report: LoadReport
    suspect_lines: tuple[str, ...]
    syn_retransmissions: int
    recovery: Recovery | None = None


def check(observed: Observations) -> tuple[Gate, ...]:
    """Every gate that applies to this experiment, in a fixed order."""
    gates = [*_check_load(observed), *_check_losses(observed), *_check_guests(observed)]
    gates += observed.experiment.load.check_recovery(observed.recovery)
    if observed.window is not None and observed.span is not None:
        gates += _check_window(observed.experiment, observed.window, observed.span)
    return tuple(gates)


def find_zone(gates: tuple[Gate, ...], window: Window | None) -> Zone:
    """elastic or plastic by the server's busy share; failure as soon as anything was lost."""
    if any(gate.name in LOSS_GATES and not gate.passed for gate in gates):
        return Zone.FAILURE
    if window is None:
        return Zone.UNKNOWN
    return Zone.PLASTIC if window.busy_share >= SERVER_BUSY else Zone.ELASTIC


def _check_load(observed: Observations) -> list[Gate]:
    """The client had time to spare, and every byte asked for came, and was right."""
    report = observed.report
    gates = [*_check_client(observed)]
    gates += [
        make_gate(
            "wrong-responses",
            report.wrong,
            "==",
            0,
            "responses with a wrong length or status",
            "read the server's console; is the file there and its configuration right?",
        ),
    ]
    load = observed.experiment.load
    if (asked := load.asked) is not None and not load.may_lose:
        missing = "no response: look at the losses; raise the timeout only if none are there"
        gates.append(
            make_gate("completed", report.completed, "==", asked, "completed requests", missing)
        )
        gates.append(
            make_gate("errors", report.errors, "==", 0, "failed connections", missing),
        )
    return gates


def _check_client(observed: Observations) -> list[Gate]:
    return [
        make_gate(
            "client-busy",
            max(observed.client_busy, default=1.0),
            "<=",
            CLIENT_BUSY,
            "busy share of the busiest client",
            "the load generator is the bottleneck: add a client or a faster machines.client_rate",
        )
    ]


def _check_losses(observed: Observations) -> list[Gate]:
    """Nothing to speak of was dropped or sent twice.

    The server's card is that of the platform and drops what finds no room, as the real one does;
    what it drops is bounded like the repetitions that follow from it.  The load generator's cards
    drop nothing.
    """
    if observed.experiment.load.may_lose:
        return []
    server, clients = observed.server, observed.clients
    requests = max(observed.report.completed, observed.report.body_bytes // 65_536, 1)
    card = "the platform's card holds no more: lower the load, or choose another platform"
    rings = "raise machines.client_descriptors or link.client_fifo_bytes"
    both = (server, *clients)
    repeated = sum(losses.retransmitted_segments for losses in both)
    timeouts = sum(losses.timeouts for losses in both)

    def dropped(losses: Losses) -> int:
        return losses.nic_drops + losses.link_fifo_drops + losses.softnet_drops

    return [
        make_gate(
            "server-nic-drops",
            dropped(server) / requests,
            "<=",
            LOSS_PER_REQUEST,
            "frames dropped there a request",
            card,
        ),
        make_gate(
            "client-nic-drops",
            sum(dropped(losses) for losses in clients),
            "==",
            0,
            "frames dropped there",
            rings,
        ),
        make_gate(
            "retransmissions",
            repeated / requests,
            "<=",
            LOSS_PER_REQUEST,
            "retransmitted segments a request",
            "connections sleep in timeouts: find the drops first, they are named above",
        ),
        make_gate(
            "syn-retransmissions",
            observed.syn_retransmissions / requests,
            "<=",
            LOSS_PER_REQUEST,
            "repeated SYNs a request",
            "raise the listen backlog, or load.stagger_ms so that the ramp is gentler",
        ),
        make_gate(
            "timeouts",
            timeouts / requests,
            "<=",
            LOSS_PER_REQUEST,
            "TCP timeouts a request",
            "connections sleep: find the drops first",
        ),
        make_gate(
            "listen-overflows",
            server.listen_overflows + server.listen_drops,
            "==",
            0,
            "connections that found the accept queue full",
            "raise somaxconn and the server's own backlog",
        ),
        make_gate(
            "memory-aborts",
            sum(losses.memory_aborts for losses in both),
            "==",
            0,
            "connections aborted for want of memory",
            "give the platform's memory_mib or machines.client_memory_mib more",
        ),
    ]


def check_logs(suspect_lines: Sequence[str]) -> list[Gate]:
    """No guest's log speaks of trouble."""
    first = suspect_lines[0] if suspect_lines else ""
    return [
        make_gate(
            "guest-log",
            len(suspect_lines),
            "==",
            0,
            "lines of trouble in the guests' logs",
            f"the first is: {first}",
        )
    ]


def _check_guests(observed: Observations) -> list[Gate]:
    return [
        *check_logs(observed.suspect_lines),
        make_gate(
            "window-samples",
            observed.window_samples,
            ">=",
            WINDOW_SAMPLES,
            "samples in the steady window",
            "ask for more requests, or a shorter instruments.sample_ns",
        ),
    ]


def _check_window(experiment: Experiment, window: Window, span: Span) -> list[Gate]:
    """The window is steady, and the server had in it what the experiment asked for."""
    gates = [
        make_gate(
            "steady-state",
            span.step,
            "<=",
            STEP,
            "largest relative step of throughput in the window",
            "ask for more requests: the run ends before it has settled",
        )
    ]
    return [*gates, *experiment.load.check_window(experiment, window)]
