# SPDX-License-Identifier: MIT
"""Where the window of an open loop lies: while the load is offered, whatever the server does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from testbed.experiment import Experiment
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.link.capture import Connections, Responses, Traffic
from testbed.loads.httperf import Httperf
from testbed.window import BINS, find_span

NOTHING = np.array([], dtype=np.int64)


def offer(rate: int, served: float) -> tuple[Experiment, Traffic]:
    """Half a second of ``rate`` new connections a second at a server that replies to at most
    ``served`` of them a second, in order, and so goes on when no more come."""
    count = rate // 2
    opened = np.arange(1, count + 1) * 1e9 / rate
    answered = opened[0] + np.arange(1, count + 1) * 1e9 / min(served, rate)
    times = opened.astype(np.int64), answered.astype(np.int64)
    file = load_geometry("banias-1400")
    experiment = Experiment(
        server="tux",
        load=Httperf(rate=rate, connections=count),
        geometry=file.geometry,
        core=file.core,
        platform=load_platform(DEFAULT_PLATFORM).platform,
    )
    connections = Connections(times[0], times[1], times[1])
    traffic = Traffic(connections, Responses(*times), NOTHING, NOTHING, NOTHING, NOTHING)
    return experiment, traffic


@given(rate=st.integers(8_000, 40_000), share=st.floats(0.2, 1.5))
def test_the_window_lies_where_the_load_is_offered(rate: int, share: float) -> None:
    """An overloaded server replies long after the last request: that part shows no arrivals, and
    is as steady as the part before."""
    experiment, traffic = offer(rate, rate * share)
    span = find_span(experiment, traffic, traffic.responses.answered)
    assert span
    opened = traffic.connections.opened
    assert span.start_ns >= opened[0]
    assert span.end_ns <= opened[-1] + (opened[-1] - opened[0]) / BINS
    inside = np.count_nonzero((opened >= span.start_ns) & (opened < span.end_ns))
    assert abs(inside / (span.end_ns - span.start_ns) * 1e9 / rate - 1) < 0.05
