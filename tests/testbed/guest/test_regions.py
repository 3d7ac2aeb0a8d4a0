# SPDX-License-Identifier: MIT
"""Regions: the numbers agree with TUX's sources, the sums with the counters, errors are named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ground.paths import PROJECT
from testbed.cli import plan_experiment
from testbed.experiment import Instruments
from testbed.guest.regions import (
    SNAPSHOTS,
    TUX_REGIONS,
    RegionError,
    attribute,
    parse_regions,
    parse_samples,
    write_account,
    write_marking,
    write_snapshots,
    write_walk,
)
from testbed.measurement import Window
from testbed.outputs.counters import CounterRecord, read_counters
from testbed.outputs.emissions import Emissions, read_emissions
from testbed.outputs.profile import Symbols, parse_module_symbols, read_instructions
from tests.testbed.synthetic import counter_line, frame

REGIONS = "probed 12\n0 5 unmarked\n1 789 kernel-text\n64 40 slab:TCP\n65 8 slab:filp\n"


def format_samples(count: int, live: int) -> str:
    return (
        f"running 1\nsamples {count}\nsampled.request.live {live}\n"
        f"sampled.request.bytes {live * 216}\nsampled.request.peak 90\nobject.request.live 3\n"
    )


def make_records(path: Path) -> list[CounterRecord]:
    """Region counters grow by 100 (TCP), 40 (requests of TUX) and 10 (unmarked) a sample."""
    lines = []
    for step in range(6):
        regions = [0] * 66
        regions[64], regions[36], regions[0] = 100 * step, 40 * step, 10 * step
        changes = {"region_l2": regions, "l2_fetch": [0, 200 * step], "l1i": [0, 900 * step]}
        lines.append(counter_line("sample", step * 1_000_000, **changes))
        lines.append(counter_line("note", step * 1_000_000 + 5, arg=step + 1, **changes))
    path.write_text("".join(lines))
    return read_counters(path)


def make_emissions(path: Path) -> Emissions:
    data = frame("regions", REGIONS)
    for number in range(1, 7):
        data += frame(f"objects.{number}", format_samples(10 * number, 300 * number))
    path.write_bytes(data)
    return read_emissions(path)


def test_misses_and_objects_of_the_window(tmp_path: Path) -> None:
    window = Window.model_construct(start_ns=1_000_000, end_ns=4_000_000)
    completions = np.arange(100_000, 6_000_000, 100_000, dtype=np.int64)
    found = attribute(
        make_records(tmp_path / "counters"),
        make_emissions(tmp_path / "frames"),
        completions,
        window,
    )
    assert (found.start_ns, found.end_ns, found.requests) == (1_000_000, 4_000_000, 30)
    assert found.misses_per_request == {
        "code": 20,
        "slab:TCP": 10,
        "tux-request": 4,
        "unmarked": 1,
    }
    assert found.pages["kernel-text"] == 789
    (request,) = found.objects
    assert (request.name, request.live, request.bytes, request.peak) == ("request", 30, 6480, 90)


def test_numbers_are_those_of_the_sources() -> None:
    """The header's enumeration, read with other means than a compiler."""
    text = (PROJECT / "src/tux/region.h").read_text()
    body = re.sub(r"/\*.*?\*/", "", text[text.index("enum tux_region {") :], flags=re.DOTALL)
    numbers: dict[str, int] = {}
    following = 0
    for name, value in re.findall(r"TUX_REGION_(\w+)(?: = (\d+))?,", body):
        following = int(value) if value else following
        numbers[name.lower()] = following
        following += 1
    stat = (PROJECT / "src/tux/stat.h").read_text()
    expected = {numbers[n]: f"tux-{n}" for n in ("text", "globals", "stack", "free")}
    kinds = re.findall(r"^\tTUX_OBJECT_(\w+),$", stat, re.MULTILINE)
    marked = [kind for kind in kinds if kind != "page"]
    expected |= {numbers["object"] + kinds.index(kind): f"tux-{kind}" for kind in marked}
    assert expected == TUX_REGIONS
    walker = (PROJECT / "images/modules/regions/regions.c").read_text()
    own = re.findall(r"\[REGION_(\w+)\] = ", walker)
    assert own.index("PAGES") == numbers["pages"]
    assert len(own) <= min(TUX_REGIONS)
    assert max(TUX_REGIONS) < int(re.findall(r"FIRST_CACHE\s+(\d+)", walker)[0])


@pytest.mark.parametrize("text", ["0 5\n", "what\n", "1 789 kernel text\n"])
def test_a_wrong_list_of_regions(text: str) -> None:
    with pytest.raises(RegionError, match="neither a region nor a count"):
        parse_regions(text)


def test_an_account_without_samples() -> None:
    with pytest.raises(RegionError, match="mark_regions"):
        parse_samples("running 1\nobject.request.live 3\n")


def test_lines_of_the_job_only_when_asked() -> None:
    plain = plan_experiment("tux", "ab -c 8 -n 100", "tualatin-1400", "lcn2006", 1)
    marked = plain.model_copy(update={"instruments": Instruments(regions=True)})
    assert write_walk(plain) + write_snapshots(plain) + write_account(plain) == []
    assert write_marking(plain) == ["export MARK_REGIONS=0"]
    # Marks are counted in lines of L2, which has 32 bytes on this machine.
    assert write_marking(marked) == ["mark stop", "export MARK_REGIONS=32"]
    assert "line=32" in write_walk(marked)[1]
    assert f"-lt {SNAPSHOTS}" in write_snapshots(marked)[0]


def test_instructions_by_function(tmp_path: Path) -> None:
    listing = "f0801000 t parse\t[tux]\nf0802000 T send_body\t[tux]\nf0803000 d table\t[tux]\n"
    symbols = Symbols([(0xB0001000, "tcp_ack")], parse_module_symbols(listing))
    path = tmp_path / "instructions.txt"
    path.write_text("0xb0001004 10\n0xb0001ff0 5\n0xf0801010 7\n0xf0802000 9\nuser 40\n")
    assert read_instructions(path, symbols) == [
        ("user", 40),
        ("tcp_ack", 15),
        ("send_body [tux]", 9),
        ("parse [tux]", 7),
    ]
