# SPDX-License-Identifier: MIT
"""The capture's analysis against connections whose truth is known."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.link.capture import Traffic, analyse, label, measure_open
from testbed.link.pcap import CaptureError, Frames, join_frames, read_frames
from tests.testbed.synthetic import ACK, FIN, PSH, RST, SERVER_MAC, SYN, WireLog


def read(log: WireLog, path: Path) -> Frames:
    log.write(path)
    return read_frames(path, SERVER_MAC, range(80, 81))


def understand(log: WireLog, path: Path) -> Traffic:
    return analyse(label(read(log, path)))


def test_one_connection(tmp_path: Path) -> None:
    log = WireLog()
    log.exchange(2000, 1_000_000, 1_800_000)
    traffic = understand(log, tmp_path / "p")
    assert traffic.connections.opened.tolist() == [1_000_000]
    assert traffic.connections.closed.tolist() == [1_800_000]
    assert traffic.responses.asked.tolist() == [1_300_000]
    assert traffic.responses.answered.tolist() == [1_400_000]
    assert traffic.connections.last_byte.tolist() == [1_400_000]
    assert len(traffic.retransmitted) == len(traffic.syn_retransmitted) == 0
    assert traffic.payload_bytes.sum() == 1080


def test_a_port_used_again_is_another_connection(tmp_path: Path) -> None:
    log = WireLog()
    log.exchange(2000, 1_000_000, 1_800_000, isn=10)
    log.exchange(2000, 2_000_000, 2_800_000, isn=0xFFFFFFF0)  # sequence numbers wrap
    traffic = understand(log, tmp_path / "p")
    assert traffic.connections.opened.tolist() == [1_000_000, 2_000_000]
    assert len(traffic.responses.asked) == 2
    assert len(traffic.retransmitted) == 0


def test_retransmissions_are_seen(tmp_path: Path) -> None:
    log = WireLog()
    log.exchange(2000, 1_000_000, 1_800_000, isn=10)
    log.add(900_000, False, 2000, SYN, 10)  # the SYN before it was lost on its way back
    log.add(1_450_000, True, 2000, ACK | PSH, 31, 1000)
    traffic = understand(log, tmp_path / "p")
    assert traffic.syn_retransmitted.tolist() == [1_000_000]
    assert traffic.retransmitted.tolist() == [1_450_000]
    assert traffic.connections.opened.tolist() == [900_000]
    assert len(traffic.responses.asked) == 1


def test_part_of_a_response_again(tmp_path: Path) -> None:
    """A response of three segments of which the second is sent twice."""
    log = WireLog()
    log.add(1, False, 3000, SYN, 5)
    log.add(2, True, 3000, SYN | ACK, 50)
    log.add(3, False, 3000, ACK | PSH, 6, 80)
    for time_ns, offset in ((4, 0), (5, 1448), (6, 2896), (9, 1448)):
        log.add(time_ns, True, 3000, ACK, 51 + offset, 1448)
    traffic = understand(log, tmp_path / "p")
    assert traffic.retransmitted.tolist() == [9]
    assert traffic.responses.answered.tolist() == [6]
    assert traffic.connections.closed.tolist() == [-1]


def test_keep_alive_gives_one_response_a_request(tmp_path: Path) -> None:
    log = WireLog()
    log.add(1, False, 3000, SYN, 5)
    for turn in range(4):
        log.add(10 + 10 * turn, False, 3000, ACK | PSH, 6 + 80 * turn, 80)
        log.add(15 + 10 * turn, True, 3000, ACK | PSH, 51 + 500 * turn, 500)
    log.add(90, False, 3000, ACK | PSH, 6 + 320, 80)  # no answer
    traffic = understand(log, tmp_path / "p")
    assert traffic.responses.latency_ns.tolist() == [5] * 4


def test_a_reset_closes(tmp_path: Path) -> None:
    log = WireLog()
    log.add(1, False, 3000, SYN, 5)
    log.add(7, True, 3000, RST | ACK, 0)
    log.add(2, False, 3001, SYN, 5)
    log.add(3, False, 3001, FIN | ACK, 6)
    traffic = understand(log, tmp_path / "p")
    assert traffic.connections.closed.tolist() == [7, -1]  # one FIN alone closes nothing


def test_frames_before_the_first_syn_belong_to_nobody(tmp_path: Path) -> None:
    log = WireLog()
    log.add(1, False, 2999, ACK | PSH, 5, 80)
    log.exchange(3000, 1_000_000, 1_800_000)
    assert len(understand(log, tmp_path / "p").responses.asked) == 1


def test_empty_capture(tmp_path: Path) -> None:
    traffic = understand(WireLog(), tmp_path / "p")
    assert len(traffic.connections.opened) == len(traffic.responses.asked) == 0


def test_a_cut_capture_is_an_error(tmp_path: Path) -> None:
    log, path = WireLog(), tmp_path / "p"
    log.exchange(3000, 1_000_000, 1_800_000)
    log.write(path)
    whole = path.read_bytes()
    for length in (0, 10, 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CaptureError, match="disk full"):
            try:
                read_frames(path, SERVER_MAC, range(80, 81))
            except CaptureError as error:
                raise CaptureError(f"{error} {error.hint}") from None


def test_other_ports_are_left_out(tmp_path: Path) -> None:
    log = WireLog()
    log.exchange(3000, 1_000_000, 1_800_000)
    log.write(tmp_path / "p")
    frames = read_frames(tmp_path / "p", SERVER_MAC, range(8080, 8081))
    assert len(frames) == 0
    assert len(frames.all_wire) == 8


def test_two_links_join_in_time(tmp_path: Path) -> None:
    first, second = WireLog(), WireLog()
    first.exchange(3000, 1_000_000, 1_800_000)
    second.exchange(3001, 1_000_100, 1_700_000)
    frames = join_frames([read(first, tmp_path / "a"), read(second, tmp_path / "b")])
    assert (np.diff(frames.time_ns) >= 0).all()
    assert len(analyse(label(frames)).connections.opened) == 2


spans = st.lists(st.tuples(st.integers(0, 10_000), st.integers(16, 5_000)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(spans=spans, edges=st.lists(st.integers(0, 20_000), min_size=2, max_size=8, unique=True))
def test_open_connections_equal_a_direct_count(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]], edges: list[int]
) -> None:
    """The time-weighted mean equals the overlap of each connection with each interval."""
    log = WireLog()
    for number, (opened, length) in enumerate(spans):
        log.exchange(1024 + number, opened, opened + length)
    traffic = understand(log, tmp_path_factory.mktemp("capture") / "p")
    assert len(traffic.connections.opened) == len(spans)
    cuts = np.array(sorted(edges), dtype=np.int64)
    mean = measure_open(traffic.connections, cuts)
    for index, (begin, end) in enumerate(pairwise(cuts)):
        overlap = sum(
            max(0, min(opened + length, end) - max(opened, begin)) for opened, length in spans
        )
        assert mean[index] == pytest.approx(overlap / (end - begin))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), min_size=1, max_size=30),
    st.integers(0, 2**32 - 1),
)
def test_retransmissions_equal_a_byte_map(
    tmp_path_factory: pytest.TempPathFactory, segments: list[tuple[int, int]], isn: int
) -> None:
    """A segment is repeated exactly if its end lies at or below the highest end so far."""
    log = WireLog()
    log.add(0, False, 3000, SYN, 5)
    highest, expected = -1, 0
    first = segments[0][0]
    for number, (block, length) in enumerate(segments):
        start, end = (block - first) * 100, (block - first + length) * 100
        log.add(number + 1, True, 3000, ACK, isn + start, length * 100)
        expected += number > 0 and end <= highest
        highest = max(highest, end)
    traffic = understand(log, tmp_path_factory.mktemp("capture") / "p")
    assert len(traffic.retransmitted) == expected
