# SPDX-License-Identifier: MIT
"""Profiles: addresses to symbols, a ranking that adds up, a flame graph of the right widths."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ground.errors import UsageError
from testbed.display.flame_graph import draw_flame_graph
from testbed.loads import Load
from testbed.loads.ab import Ab
from testbed.loads.chase import Chase
from testbed.loads.command_line import EXAMPLES, format_load, parse_load
from testbed.loads.httperf import Httperf
from testbed.loads.netperf import Netperf
from testbed.loads.spike import Spike
from testbed.outputs.profile import (
    ProfileError,
    Symbols,
    build_tree,
    rank_symbols,
    read_profile,
    read_symbols,
)

SYMBOLS = Symbols([(0x1000, "outer"), (0x2000, "inner"), (0x3000, "other")])
STACKS = "0x1010;0x2004 1 20 3\n0x1010;0x3fff 0 5 0\nuser 7 0 0\n0x1010;0x2008 0 0 1\n"


def test_symbols_by_address() -> None:
    assert SYMBOLS.find(0x1000) == "outer"
    assert SYMBOLS.find(0x1FFF) == "outer"
    assert SYMBOLS.find(0x2000) == "inner"
    assert SYMBOLS.find(0xFFF) == "0xfff"


def test_profile_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "profile.txt"
    path.write_text(STACKS)
    stacks = read_profile(path, SYMBOLS)
    ranked = rank_symbols(stacks)
    assert [(name, w.total) for name, w in ranked] == [("inner", 25), ("user", 7), ("other", 5)]
    tree = build_tree(stacks)
    assert tree.total == 37
    assert tree.children["outer"].total == 30
    assert tree.children["outer"].children["inner"].total == 25


def test_flame_graph_is_xml_with_proportional_widths(tmp_path: Path) -> None:
    path = tmp_path / "profile.txt"
    path.write_text(STACKS)
    tree = build_tree(read_profile(path, SYMBOLS))
    svg = draw_flame_graph(tree, "misses <of> a & b")
    assert svg == draw_flame_graph(tree, "misses <of> a & b")
    root = ElementTree.fromstring(svg)
    widths = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        title = group.findtext("{http://www.w3.org/2000/svg}title") or ""
        rect = group.find("{http://www.w3.org/2000/svg}rect")
        assert rect is not None
        widths[title.split(":")[0]] = float(rect.get("width", "0"))
    assert widths["outer"] == pytest.approx(1180 * 30 / 37, abs=0.01)
    assert widths["inner"] + widths["other"] == pytest.approx(widths["outer"], abs=0.02)


def test_wrong_profiles(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="does not exist"):
        read_profile(tmp_path / "none", SYMBOLS)
    path = tmp_path / "profile.txt"
    path.write_text("0x1010 1 2\n")
    with pytest.raises(ProfileError, match=r"profile\.txt:1"):
        read_profile(path, SYMBOLS)


def test_symbols_of_an_elf_file(tmp_path: Path) -> None:
    """Against nm, on an object made here."""
    source, binary = tmp_path / "x.c", tmp_path / "x"
    source.write_text("int first(void){return 1;} int main(void){return first();}\n")
    subprocess.run(["cc", "-o", str(binary), str(source)], check=True)
    listing = subprocess.run(["nm", str(binary)], check=True, capture_output=True, text=True).stdout
    address = {line.split()[-1]: int(line.split()[0], 16) for line in listing.splitlines()
               if len(line.split()) == 3}  # fmt: skip
    symbols = read_symbols(binary)
    assert symbols.find(address["first"] + 2) == "first"
    assert symbols.find(address["main"] + 2) == "main"


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_are_loads(line: str) -> None:
    assert parse_load(line).kind == line.split(maxsplit=1)[0]


def test_load_lines() -> None:
    assert parse_load("ab -c 100 -n 20000") == Ab(concurrency=100, requests=20_000)
    assert parse_load("netperf -t TCP_RR") == Netperf(test="TCP_RR")


@pytest.mark.parametrize(
    "load",
    [
        Ab(concurrency=100, requests=20_000),
        Ab(concurrency=1, requests=3, timeout_s=7, size="10k", stagger_ms=0, processes=2),
        Httperf(rate=2000, connections=10_000, timeout_s=1),
        Spike(rate=9000, connections=9000, spike=100, at_ms=200, within_ms=3),
        Netperf(test="TCP_CRR", request_bytes=3, streams=2),
        Chase(),
    ],
)
def test_a_load_is_read_from_the_line_that_it_is_written_as(load: Load) -> None:
    assert parse_load(format_load(load)) == load


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("wrk -c 1", "none of ab, httperf"),
        ("", "none of"),
        ("ab -c 10", "required: -n"),
        ("ab -c 10 -n 5", "at least -n 10"),
        ("ab -c 10 -n 50 -k", "-k"),
        ("ab -c 0 -n 50", "-c: 0 is too small"),
        ("netperf -t UDP_RR", '-t: "UDP_RR" is not one of'),
        ("ab -n 10 --size 7k", '--size: "7k" is not one of'),
    ],
)
def test_wrong_load_lines_say_what_is_wrong(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_load(line)
    assert message in caught.value.message
    assert caught.value.hint
