# SPDX-License-Identifier: MIT
"""Recovery from a spike, on captures of servers that are nothing but queues: known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.experiment import Experiment
from testbed.gates.run import Observations, check
from testbed.link.capture import Connections, Responses, Traffic
from testbed.link.pcap import Ints
from testbed.link.recovery import OPEN_FACTOR, Recovery, find_spike, measure_recovery
from testbed.loads.spike import Spike
from testbed.measurement import Losses
from testbed.records import LoadReport
from testbed.window import find_span

NOTHING = np.array([], dtype=np.int64)
AT_NS, WITHIN_NS, END_NS = 300_000_000, 50_000_000, 1_600_000_000
TIMEOUT_NS = 1_000_000_000
PORTS_NS = 2_000_000  # of a connection that does not wait


def offer(rate: int, spike: int) -> Ints:
    """Arrivals: steady to the end, and the spike, evenly."""
    steady = np.arange(0, END_NS, 1e9 / rate)
    return np.sort(np.r_[steady, AT_NS + np.arange(spike) * WITHIN_NS / max(spike, 1)]).astype(
        np.int64
    )


def serve(opened: Ints, before: float, after: float) -> Traffic:
    """In order, ``before`` requests a second, from the spike on ``after``; who would wait longer
    than the timeout is given up, and none of the server's time is spent on it."""
    free, done = 0.0, np.full(len(opened), -1, dtype=np.int64)
    for i, at in enumerate(opened.tolist()):
        start = max(free, at)
        if start - at > TIMEOUT_NS:
            continue
        free = start + 1e9 / (before if start < AT_NS else after)
        done[i] = int(free) + PORTS_NS
    answered = done[done >= 0]
    connections = Connections(opened, done, done)
    responses = Responses(answered - PORTS_NS, np.sort(answered))
    return Traffic(connections, responses, NOTHING, NOTHING, NOTHING, NOTHING)


def measure(traffic: Traffic, rate: int) -> Recovery:
    found = measure_recovery(traffic, rate=rate, within_ns=WITHIN_NS, timeout_ns=TIMEOUT_NS)
    assert found is not None
    return found


@given(rate=st.integers(4000, 30_000), spike=st.integers(1000, 8000))
def test_the_spike_is_found_where_it_is(rate: int, spike: int) -> None:
    at, count = find_spike(offer(rate, spike), WITHIN_NS)
    assert abs(at - AT_NS) <= WITHIN_NS / 10
    assert count == pytest.approx(spike + rate * WITHIN_NS / 1e9, rel=0.02)


@settings(deadline=None, max_examples=15)
@given(rate=st.integers(6000, 16_000), spare=st.integers(5000, 20_000))
def test_a_backlog_is_worked_off_at_what_is_to_spare(rate: int, spare: int) -> None:
    spike = 4000
    found = measure(serve(offer(rate, spike), 40_000, rate + spare), rate)
    assert found.connections == pytest.approx(spike, rel=0.05)
    assert found.open_before == pytest.approx(rate * PORTS_NS / 1e9, rel=0.1)
    left = (OPEN_FACTOR - 1) * found.open_before  # connections that are no backlog any more
    assert found.recovered_s == pytest.approx((spike - left) / spare, abs=0.03)
    assert found.unanswered == 0
    assert found.late_replies_per_s == pytest.approx(rate, rel=0.02)


def test_a_server_in_livelock_never_recovers() -> None:
    found = measure(serve(offer(14_000, 4000), 20_000, 8000), 14_000)
    assert found.recovered_s is None
    assert found.late_replies_per_s == pytest.approx(8000, rel=0.02)
    assert found.unanswered > 1000
    assert found.most_open > 8000
    tails = [moment.latency_p99_us for moment in found.course if moment.at_ms > 500]
    assert min(tail for tail in tails if tail is not None) > 100_000


def test_replies_alone_are_no_recovery() -> None:
    """At just the offered rate replies are back at once, and the backlog stays."""
    found = measure(serve(offer(14_000, 4000), 20_000, 14_000), 14_000)
    assert found.recovered_s is None
    assert found.late_replies_per_s == pytest.approx(14_000, rel=0.02)


def test_lost_connections_are_open_until_their_client_gives_them_up() -> None:
    traffic = serve(offer(10_000, 4000), 40_000, 40_000)
    lost = np.arange(len(traffic.connections.opened)) % 20 == 0  # 50 a 100 ms, more than four times
    opened, closed = traffic.connections.opened, np.where(lost, -1, traffic.connections.closed)
    late = opened < AT_NS  # before the spike none is lost
    closed = np.where(late, traffic.connections.closed, closed)
    spoilt = Traffic(Connections(opened, closed, closed), traffic.responses, *([NOTHING] * 4))
    assert measure(traffic, 10_000).recovered_s is not None
    assert measure(spoilt, 10_000).recovered_s is None


def test_too_short_a_load_has_no_recovery() -> None:
    opened = offer(10_000, 4000)
    traffic = serve(opened[opened < AT_NS + 100_000_000], 20_000, 20_000)
    assert (
        measure_recovery(traffic, rate=10_000, within_ns=WITHIN_NS, timeout_ns=TIMEOUT_NS) is None
    )


@pytest.fixture
def spike(experiment: Experiment) -> Experiment:
    load = Spike(rate=12_000, connections=19_200)
    return experiment.model_copy(update={"server": "tux", "load": load})


def test_the_window_lies_before_the_spike(spike: Experiment) -> None:
    traffic = serve(offer(12_000, 4000), 20_000, 8000)
    span = find_span(spike, traffic, traffic.responses.answered)
    assert span is not None
    assert span.end_ns <= AT_NS
    calm = spike.load.model_copy(update={"spike": 0})
    whole = find_span(spike.model_copy(update={"load": calm}), traffic, traffic.responses.answered)
    assert whole is not None
    assert whole.end_ns > 2 * AT_NS


@pytest.mark.parametrize(("came", "passed"), [(4000, True), (3700, True), (3000, False)])
def test_a_spike_that_came_too_slowly_breaks_its_gate_and_losses_break_none(
    spike: Experiment, came: int, passed: bool
) -> None:
    lost = Losses.none().model_copy(update={"nic_drops": 100, "retransmitted_segments": 10_000})
    report = LoadReport(
        tool="httperf", processes=2, completed=15_000, wrong=0, errors=8200, body_bytes=1,
        requests_per_s=1,
    )  # fmt: skip
    recovery = measure(serve(offer(12_000, came), 20_000, 8000), 12_000)
    observed = Observations(
        spike, None, 30, None, lost, (lost,), (0.5,), report, (), 500, recovery=recovery
    )
    failed = {gate.name for gate in check(observed) if not gate.passed}
    assert failed == (set() if passed else {"offered-spike"})
    without = Observations(spike, None, 30, None, lost, (lost,), (0.5,), report, (), 500)
    assert "offered-spike" in {gate.name for gate in check(without) if not gate.passed}


@pytest.mark.parametrize("clients", [1, 3])
def test_the_processes_share_all_connections(spike: Experiment, clients: int) -> None:
    machines = spike.machines.model_copy(update={"clients": clients})
    wide = spike.model_copy(update={"machines": machines})
    lines = [line for n in range(1, clients + 1) for line in wide.load.write(wide, n)]
    calls = [line for line in lines if "httperf" in line]
    counts = [int(word.split("=")[1]) for c in calls for word in c.split() if "num-conns" in word]
    assert sum(counts) == wide.load.asked == 23_200
    reports = [line.split("> ")[1].split()[0] for line in calls]
    assert len(set(reports)) == len(calls) == 2 * clients
    delayed = [line for line in calls if line.startswith("( sleep 0.3; exec httperf ")]
    assert len(delayed) == clients
    assert all(line.endswith(" 2>&1 ) &") for line in delayed)
