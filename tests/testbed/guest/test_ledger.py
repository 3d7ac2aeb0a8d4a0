# SPDX-License-Identifier: MIT
"""The ledger against connections of which it is known, by the clock, where they stand."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ground.seeds import generator
from testbed.evaluation import evaluate
from testbed.experiment import Experiment
from testbed.gates.ledger import OUTSIDE_SHARE, check_ledger
from testbed.guest.job import write_server_job
from testbed.guest.ledger import PARTS, add_ledger, build_ledger
from testbed.guest.servers import ServerDescription, load_server
from testbed.hardware.platform_files import load_platform
from testbed.link.capture import label
from testbed.link.lives import Lives, trace_lives
from testbed.link.pcap import Ints, join_frames, read_frames
from testbed.loads.netperf import Netperf
from testbed.loads.spike import Spike
from testbed.measurement import Ledger, Window
from testbed.outputs.counters import CounterError, CounterRecord
from tests.testbed import synthetic
from tests.testbed.synthetic import (
    ACK,
    FIN,
    PSH,
    RST,
    SERVER_MAC,
    SYN,
    SyntheticRun,
    WireLog,
    counter_line,
)

POLL_NS = 70_000  # this often the driver of the story takes what is in the card
RING = 3
NONE = np.empty(0, dtype=np.int64)
STOCK = ServerDescription(name="x", start="x", ready="x")
HOLDING = ServerDescription(name="x", start="x", ready="x", holds_back=True)


def poll(arrival: int) -> int:
    """When the kernel sees a frame that arrives at ``arrival``."""
    return -(-arrival // POLL_NS) * POLL_NS


@dataclass(frozen=True)
class Story:
    """One connection, told by times: what arrives at the card, what the server does.

    Before the ``syn`` that is answered the kernel drops one that came at ``refused`` and the card
    one at ``lost``; there is one more at ``late``, when the answer is on its way.
    """

    refused: int
    lost: int
    syn: int
    answered: int
    late: int
    ack: int
    accepted: int
    fin: int
    fin_acked: int
    end: int

    @property
    def arrivals(self) -> tuple[int, ...]:
        """What comes into the card."""
        opening = (self.refused, self.syn, self.late)
        return (*opening, self.ack, self.ack + 100, self.fin_acked, self.end)

    @property
    def syns(self) -> tuple[int, ...]:
        return (self.refused, self.lost, self.syn, self.late)

    def find_part(self, t: int) -> str:
        """Where it stands at ``t``; empty before and after its life."""
        for part, begin, end in (
            ("card", self.refused, poll(self.refused)),
            ("turned_away", poll(self.refused), self.syn),
            ("card", self.syn, poll(self.syn)),
            ("held", poll(self.syn), self.answered),
            ("handshake", self.answered, self.late),
            ("card", self.late, poll(self.late)),
            ("handshake", poll(self.late), self.ack),
            ("card", self.ack, poll(self.ack)),
            ("accept_queue", poll(self.ack), self.accepted),
            ("accepted", self.accepted, self.fin),
            ("closing", self.fin, poll(self.fin_acked)),
            ("leaving", poll(self.fin_acked), self.end),
        ):
            if begin <= t < end:
                return part
        return ""

    def find_counter(self, t: int) -> str:
        """Which of the kernel's counters has it: one does not notice what is in the card."""
        if self.answered <= t < poll(self.ack):
            return "handshake"
        part = self.find_part(t)
        return part if part in {"held", "accept_queue", "accepted", "closing"} else ""


def tell(seed: int, number: int) -> list[Story]:
    random = generator(seed, "stories")

    def later(t: int) -> int:
        return t + int(random.integers(1_000, 300_000))

    stories = []
    for index in range(number):
        times = [1_000 + index * 40_000 + int(random.integers(0, 20_000))]
        for step in fields(Story)[1:]:
            seen = step.name in {"lost", "answered", "ack", "accepted"}  # by the kernel, before it
            times.append(later(poll(times[-1]) if seen else times[-1]))
        stories.append(Story(*times))
    return stories


def write_wire(stories: list[Story]) -> WireLog:
    """Ports are used again, and sequence numbers wrap."""
    log = WireLog()
    for index, story in enumerate(stories):
        port, isn, own = 2000 + index % 90, 0xFFFFFF00 + 7 * index, 0xFFFFFFF0 + 999 * index
        for syn in story.syns:
            log.add(syn, False, port, SYN, isn)
        log.add(story.answered, True, port, SYN | ACK, own, 0, isn + 1)
        log.add(story.ack, False, port, ACK, isn + 1, 0, own + 1)
        log.add(story.ack + 100, False, port, ACK | PSH, isn + 1, 80, own + 1)
        log.add(story.fin, True, port, ACK | PSH | FIN, own + 1, 900, isn + 81)
        log.add(story.fin_acked, False, port, ACK, isn + 81, 0, own + 902)
        log.add(story.end, False, port, ACK | FIN, isn + 81, 0, own + 902)
    return log


def trace(log: WireLog, stories: list[Story], directory: Path) -> Lives:
    """The connections as the wire and the card tell them."""
    log.write(directory / "p")
    labelled = label(read_frames(directory / "p", SERVER_MAC, range(80, 81)))
    return trace_lives(labelled, [find_dropped(log, stories)])


def find_dropped(log: WireLog, stories: list[Story]) -> Ints:
    times = log.find_times(sent=False)
    return np.array([bisect_left(times, lost) for lost in sorted(s.lost for s in stories)])


def write_record(log: WireLog, stories: list[Story], t: int, base: int = 5) -> str:
    """A sample whose counters do not begin at nought, as those of all of TCP do not."""
    received, sent = (bisect_right(log.find_times(sent=way), t) for way in (False, True))
    inside = sum(a <= t < poll(a) for story in stories for a in story.arrivals)
    ring = min(inside, RING)
    counted = Counter(story.find_counter(t) for story in stories)
    names = ("held", "handshake", "accept_queue", "accepted", "closing")
    parts = {name: counted[name] + base for name in names} | {"stage.parse": counted["accepted"]}
    drops = sum((poll(s.refused) <= t) - (poll(s.late) <= t) for s in stories)
    parts["syn_drops"] = drops + base
    event = "sample" if t else "sync"
    return counter_line(event, t, links=[[received, sent, inside - ring, ring]], parts=parts)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_connection_is_where_the_story_says(seed: int, tmp_path: Path) -> None:
    stories = tell(seed, 120)
    log = write_wire(stories)
    lives = trace(log, stories, tmp_path)
    times = range(0, max(story.end for story in stories) + 50_000, 33_333)
    records = [CounterRecord.model_validate_json(write_record(log, stories, t)) for t in times]
    ledger = build_ledger(records, lives)
    assert ledger["link_ns"].to_list() == list(times)
    for row in ledger.iter_rows(named=True):
        t = row["link_ns"]
        told = Counter(part for story in stories if (part := story.find_part(t)))
        found = {name: row[name] for name in PARTS if name not in {"ring", "buffer"}}
        assert found | {"card": row["ring"] + row["buffer"]} == {
            n: told[n] for n in (*found, "card")
        }
        assert row["total"] == row["open"] == sum(told.values())
        assert row["stage.parse"] == told["accepted"]
    for part in ("ring", "buffer", "turned_away"):
        assert max(ledger[part]) > 0  # the story has what it is about


@pytest.mark.parametrize("name", ["syn_drops", "held", "handshake"])
def test_what_the_kernel_does_not_count_is_missing_in_the_sum(name: str, tmp_path: Path) -> None:
    """No part is what the others leave over: a counter that stands still is noticed."""
    stories = tell(4, 120)
    log = write_wire(stories)
    records = []
    for t in range(0, 5_000_000, 33_333):
        record = CounterRecord.model_validate_json(write_record(log, stories, t))
        records.append(record.model_copy(update={"parts": record.parts | {name: 5}}))
    ledger = build_ledger(records, trace(log, stories, tmp_path))
    assert (ledger["total"] - ledger["open"]).abs().max() > 3


def test_the_oldest_frames_are_those_in_the_ring(tmp_path: Path) -> None:
    log = WireLog()
    for number in range(5):
        log.add(1000 + number, False, 2000 + number, SYN, 1)
    log.write(tmp_path / "p")
    lives = trace_lives(label(read_frames(tmp_path / "p", SERVER_MAC, range(80, 81))), [NONE])
    parts = dict.fromkeys(("handshake", "accept_queue", "accepted", "closing", "syn_drops"), 0)
    lines = [
        counter_line("sync", 0, links=[[0, 0, 0, 0]], parts=parts),
        counter_line("sample", 5000, links=[[5, 0, 2, 2]], parts=parts | {"handshake": 1}),
    ]
    row = build_ledger([CounterRecord.model_validate_json(line) for line in lines], lives)[1]
    assert [row[name].item() for name in ("handshake", "ring", "buffer", "total", "open")] == [
        1, 2, 2, 5, 5
    ]  # fmt: skip


def test_a_reset_ends_a_connection_at_once(tmp_path: Path) -> None:
    log = WireLog()
    for port, sent in ((2000, True), (2001, False)):
        log.add(1000, False, port, SYN, 1)
        log.add(2000, True, port, SYN | ACK, 1, 0, 2)
        log.add(3000, False, port, ACK, 2, 0, 2)
        log.add(4000, sent, port, RST, 2)
    log.write(tmp_path / "p")
    lives = trace_lives(label(read_frames(tmp_path / "p", SERVER_MAC, range(80, 81))), [NONE])
    parts = dict.fromkeys(("handshake", "accept_queue", "accepted", "closing", "syn_drops"), 0)
    lines = [
        counter_line("sync", 0, links=[[0, 0, 0, 0]], parts=parts),
        counter_line("sample", 3500, links=[[4, 2, 0, 0]], parts=parts | {"accepted": 2}),
        counter_line("sample", 9000, links=[[5, 3, 0, 0]], parts=parts),
    ]
    ledger = build_ledger([CounterRecord.model_validate_json(line) for line in lines], lives)
    assert ledger["open"].to_list() == ledger["total"].to_list() == [0, 2, 0]


def test_each_link_has_its_own_order(tmp_path: Path) -> None:
    """Two captures whose frames interleave: a frame's place counts in its own alone."""
    stories = [tell(seed, 40) for seed in (1, 2)]
    logs = [write_wire(told) for told in stories]
    frames = []
    for link, log in enumerate(logs):
        log.write(tmp_path / "p")
        part = read_frames(tmp_path / "p", SERVER_MAC, range(80, 81), link=link)
        part.address[:] += link
        frames.append(part)
    dropped = [find_dropped(log, told) for log, told in zip(logs, stories, strict=True)]
    lives = trace_lives(label(join_frames(frames)), dropped)
    lines = []
    for t in range(0, 2_000_000, 33_333):
        both = [
            CounterRecord.model_validate_json(write_record(log, told, t, 0))
            for log, told in zip(logs, stories, strict=True)
        ]
        parts = {name: sum(record.parts[name] for record in both) for name in both[0].parts}
        lines.append(
            both[0].model_copy(update={"links": (*both[0].links, *both[1].links), "parts": parts})
        )
    ledger = build_ledger(lines, lives)
    assert ledger["open"].to_list() == ledger["total"].to_list()
    assert max(ledger["open"]) > 20


def test_a_run_has_its_ledger(synthetic_run: SyntheticRun) -> None:
    synthetic_run.write()
    found = evaluate(synthetic_run.experiment, synthetic_run.directory, {})
    assert found.ledger is not None and found.window is not None
    assert found.ledger.largest_gap == 0
    assert sum(found.ledger.parts.values()) == pytest.approx(found.ledger.open)
    assert found.ledger.open == pytest.approx(20, abs=1)
    assert {gate.name for gate in found.gates} >= {"ledger-sum", "in-memory"}


def test_a_part_counted_twice_makes_the_run_invalid(
    synthetic_run: SyntheticRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: `accepted` has the accept queue in it as well."""
    honest = synthetic.count_parts

    def count_twice(lives: Ints, at_ns: int) -> dict[str, int]:
        parts = honest(lives, at_ns)
        return parts | {"accepted": parts["accepted"] + 40 * parts["accept_queue"]}

    monkeypatch.setattr(synthetic, "count_parts", count_twice)
    synthetic_run.write()
    found = evaluate(synthetic_run.experiment, synthetic_run.directory, {})
    assert [gate.name for gate in found.failed_gates] == ["ledger-sum"]
    assert found.status == "invalid"


def test_a_run_without_counters_has_no_ledger(synthetic_run: SyntheticRun) -> None:
    synthetic_run.ledger = False
    synthetic_run.write()
    found = evaluate(synthetic_run.experiment, synthetic_run.directory, {})
    assert found.ledger is None
    assert found.status == "valid"


def test_a_kernel_without_its_counters_is_an_error(tmp_path: Path) -> None:
    stories = tell(1, 3)
    log = write_wire(stories)
    lives = trace(log, stories, tmp_path)
    record = CounterRecord.model_validate_json(
        counter_line("sync", 0, links=[[0, 0, 0, 0]], parts={"stage.parse": 0})
    )
    with pytest.raises(
        CounterError, match=r"accept_queue, accepted, closing, handshake, syn_drops"
    ):
        build_ledger([record], lives)


def stand(experiment: Experiment, **parts: float) -> Ledger:
    """A ledger that adds up."""
    full = dict.fromkeys(PARTS, 0.0) | parts
    total = sum(full.values())
    return Ledger(samples=9, parts=full, stages={}, open=total, mean_gap=0, largest_gap=0)


@pytest.fixture
def saturated(synthetic_run: SyntheticRun) -> tuple[Experiment, Window]:
    """A busy server under a thousand connections, and its window."""
    synthetic_run.write()
    found = evaluate(synthetic_run.experiment, synthetic_run.directory, {})
    assert found.window is not None
    load = synthetic_run.experiment.load.model_copy(update={"concurrency": 1000, "requests": 9000})
    window = found.window.model_copy(update={"busy_share": 1.0, "requests_per_s": 15_000.0})
    return synthetic_run.experiment.model_copy(update={"load": load}), window


@pytest.mark.parametrize(
    ("server", "parts", "passed"),
    [
        (STOCK, {"accept_queue": 300, "accepted": 600, "handshake": 20, "closing": 30}, True),
        (STOCK, {"ring": 250, "accepted": 700}, False),
        (STOCK, {"buffer": 900, "accepted": 30}, False),
        (STOCK, {"held": 900, "accepted": 60}, False),
        (HOLDING, {"held": 900, "accepted": 60}, True),
        (HOLDING, {"buffer": 900, "accepted": 60}, False),
    ],
)
def test_connections_must_be_where_the_experiment_says(
    saturated: tuple[Experiment, Window],
    server: ServerDescription,
    parts: dict[str, float],
    passed: bool,
) -> None:
    experiment, window = saturated
    gates = check_ledger(experiment, server, window, stand(experiment, **parts))
    assert [gate.name for gate in gates] == ["ledger-sum", "in-memory"]
    assert gates[1].passed is passed
    assert OUTSIDE_SHARE < gates[1].bound < OUTSIDE_SHARE + 0.03


def test_those_whom_a_short_backlog_turns_away_need_not_be_held(
    saturated: tuple[Experiment, Window],
) -> None:
    """It is what the platform is about; where no backlog binds, the card has lost them."""
    experiment, window = saturated
    ledger = stand(experiment, turned_away=300, accepted=700)
    platform = load_platform("lcn2006-defaults").platform
    for changes, passed in (({}, False), ({"platform": platform}, True)):
        there = experiment.model_copy(update=changes)
        assert [g.passed for g in check_ledger(there, STOCK, window, ledger)] == [True, passed]


def test_an_idle_server_need_not_hold_anything(saturated: tuple[Experiment, Window]) -> None:
    experiment, window = saturated
    idle = window.model_copy(update={"busy_share": 0.5})
    gates = check_ledger(experiment, STOCK, idle, stand(experiment, leaving=3))
    assert [gate.name for gate in gates] == ["ledger-sum"]


def test_lost_connections_break_no_ledger_where_they_are_the_result(
    saturated: tuple[Experiment, Window],
) -> None:
    experiment, window = saturated
    lost = stand(experiment, leaving=3).model_copy(update={"largest_gap": 10_000})
    failed = [g.name for g in check_ledger(experiment, STOCK, window, lost) if not g.passed]
    assert "ledger-sum" in failed
    spike = experiment.model_copy(update={"load": Spike(rate=20_000, connections=20_000)})
    assert check_ledger(spike, STOCK, window, lost) == ()


def test_the_series_has_the_ledger(synthetic_run: SyntheticRun) -> None:
    synthetic_run.write()
    evaluate(synthetic_run.experiment, synthetic_run.directory, {})
    series = pl.read_parquet(synthetic_run.directory / "series.parquet")
    assert {f"ledger.{name}" for name in (*PARTS, "open", "total")} <= set(series.columns)
    assert series["ledger.open"].null_count() == 0
    empty = pl.DataFrame(schema={"link_ns": pl.Int64})
    assert add_ledger(series, empty).equals(series)


def test_counters_are_named_before_the_region_of_interest(experiment: Experiment) -> None:
    """Not one instruction of the guest is added where it is measured."""
    job = write_server_job(experiment, load_server("tux"))
    named, start, stop = (job.index(word) for word in ("mark parts", "mark start", "mark stop"))
    assert named < start < stop
    assert "/proc/net/ledger /proc/net/tux/ledger" in job
    assert not re.search(r"ledger|nc -l", job[start:stop])
    bulk = experiment.model_copy(update={"load": Netperf(test="TCP_STREAM")})
    assert "ledger" not in write_server_job(bulk, load_server("tux"))


@pytest.mark.parametrize(
    ("name", "holds"),
    [("tux", False), ("tux-stingy", False), ("tux-stingy-net", True), ("nginx", False)],
)
def test_who_holds_back_says_so(name: str, holds: bool) -> None:
    assert load_server(name).holds_back is holds
