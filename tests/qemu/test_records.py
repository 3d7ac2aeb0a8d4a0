# SPDX-License-Identifier: MIT
"""The counter stream's other records, regions of memory, the profile, refused options."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from ground.process import run
from testbed.outputs.counters import read_counters
from tests.qemu.bare_metal import Emulator, build_guest, finalize_model, run_guest
from tests.qemu.cache_reference import Config, Shape
from tests.qemu.instruction_trace import Program, load, store
from tests.qemu.random_programs import ARENA, KINDS, write_program

pytestmark = pytest.mark.real

BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))


def mark(command: int, ecx: int, edx: int = 0) -> tuple[str, ...]:
    return (f"mov ${ecx:#x}, %ecx", f"mov ${edx:#x}, %edx", f"MARK({command})")


def test_data_misses_by_region(emulator: Emulator, tmp_path: Path) -> None:
    """Misses of L2 by loads and stores go to the number that the guest gave to the line."""
    p = Program()
    with p.region():
        p.do("nop")
    p.set_up(*mark(5, ARENA + 4096, 4 << 8 | 7))  # four lines
    p.set_up(*mark(5, ARENA + 4096 + 128, 1 << 8 | 9))  # the third of them
    with p.region():
        for line in range(6):
            p.do(f"mov {ARENA + 4096 + 64 * line:#x}, %ecx", load(ARENA + 4096 + 64 * line, 4))
        p.do(f"mov %ecx, {ARENA + 8192 - 2:#x}", store(ARENA + 8190, 4))
    outcome = run_guest(emulator, tmp_path, build_guest(tmp_path, p.source()), BANIAS)
    last = outcome.records[-1]["region_l2"]
    assert {n: count for n, count in enumerate(last) if count} == {0: 4, 7: 3, 9: 1}
    assert sum(last) == sum(last_misses(outcome.records[-1]))


def last_misses(record: dict[str, list[int]]) -> list[int]:
    return [*record["l2_load"], *record["l2_store"]]


def test_notes_are_in_place(emulator: Emulator, tmp_path: Path) -> None:
    p = Program()
    p.set_up(*mark(3, 41))
    p.start()
    p.set_up(*(["nop"] * 100), *mark(3, 42), *(["nop"] * 50))
    p.stop()
    outcome = run_guest(emulator, tmp_path, build_guest(tmp_path, p.source()), BANIAS)
    events = [(r["ev"], r["arg"]) for r in outcome.records]
    assert events == [("note", 41), ("start", 0), ("note", 42), ("stop", 0), ("end", 0)]
    start, note, stop = outcome.records[1:4]
    assert note["insn"][1] - start["insn"][1] == 100 + 4
    assert stop["insn"][1] - note["insn"][1] == 50 + 2
    assert len(read_counters(tmp_path / "counters")) == 5


def test_samples_come_once_a_period(emulator: Emulator, tmp_path: Path) -> None:
    """And do not move the guest: its counters at the end are those without samples."""
    p = Program()
    with p.region():
        p.set_up("mov $2000000, %ecx", f"1: incl {ARENA:#x}", "loop 1b")
    kernel = build_guest(tmp_path, p.source())
    plain = run_guest(emulator, tmp_path, kernel, BANIAS)
    options = ("-object", finalize_model(BANIAS, tmp_path / "counters") + ",sample-ns=100000")
    outcome = run_guest(emulator, tmp_path, kernel, None, options=options)
    records = read_counters(tmp_path / "counters")
    times = [r.t for r in records if r.ev == "sample"]
    begin = next(r.t for r in records if r.ev == "start")
    end = next(r.t for r in records if r.ev == "stop")
    assert len(times) == (end - begin) // 100_000
    for number, at in enumerate(times, 1):
        assert 0 <= at - begin - 100_000 * number < 1000
    assert records[-1].model_dump() == read_record(plain.records[-1])
    assert outcome.console == plain.console


def read_record(record: dict[str, object]) -> dict[str, object]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}


def name_word(text: str) -> list[str]:
    """Put ``text`` behind the arena, and name what it names."""
    data = text.encode().ljust(-(-len(text) // 4) * 4, b"\0")
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    place = ARENA + 8192
    stores = [f"movl ${word:#x}, {place + 4 * n:#x}" for n, word in enumerate(words)]
    return [*stores, *mark(7, place, len(text))]


def test_parts_are_sums_of_the_guests_words(emulator: Emulator, tmp_path: Path) -> None:
    """Each record has them as they are at that moment, modulo 2^32, and nothing of it costs the
    guest an instruction or a miss."""
    p = Program()
    first, second = ARENA, ARENA + 4096 + 4
    p.set_up(f"movl $7, {first:#x}", f"movl $0xfffffffe, {second:#x}")
    for text in (f"a.b + {first:#x}", f"c_1 - {first:#x}", f"c_1 + {second:#x}"):
        p.set_up(*name_word(text))
    p.start()
    p.set_up("nop", *mark(3, 1), f"addl $5, {second:#x}", *mark(3, 2), f"decl {first:#x}")
    p.stop()
    outcome = run_guest(emulator, tmp_path, build_guest(tmp_path, p.source()), BANIAS)
    found = [record["parts"] for record in outcome.records]
    assert found == [
        {"a.b": 7, "c_1": -9},
        {"a.b": 7, "c_1": -9},
        {"a.b": 7, "c_1": -4},
        {"a.b": 6, "c_1": -3},
        {"a.b": 6, "c_1": -3},
    ]
    assert [record["links"] for record in outcome.records] == [[]] * 5
    start, note = outcome.records[:2]
    assert note["insn"][1] - start["insn"][1] == 1 + 4  # as without parts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "want NAME"),
        ("a * 0x1000", "want NAME"),
        ("a + 0x1000 x", "want NAME"),
        ('a"b + 0x1000', "want NAME"),
        ("a + 0x1001", "not that of a word in RAM"),
        ("a + 0xfffffff0", "not that of a word in RAM"),
    ],
)
def test_wrong_names_of_parts_are_refused(
    emulator: Emulator, tmp_path: Path, text: str, reason: str
) -> None:
    p = Program()
    p.set_up(*name_word(text))
    with p.region():
        p.do("nop")
    with pytest.raises(AssertionError, match=reason):
        run_guest(emulator, tmp_path, build_guest(tmp_path, p.source()), BANIAS)


def test_a_profile_holds_every_l2_miss(emulator: Emulator, tmp_path: Path) -> None:
    p = write_program(5, KINDS, 40)
    kernel = build_guest(tmp_path, p.source())
    config = replace(BANIAS, l2=Shape(4 << 10, 4, 64))
    profile = tmp_path / "profile"
    model = finalize_model(config, tmp_path / "counters") + f",profile={profile},kernel-base=0"
    run_guest(emulator, tmp_path, kernel, None, options=("-object", model))
    last = read_counters(tmp_path / "counters")[-1]
    totals = [0, 0, 0]
    for line in profile.read_text().splitlines():
        _, *counts = line.rsplit(" ", 3)
        totals = [a + int(b) for a, b in zip(totals, counts, strict=True)]
    assert totals == [sum(last.l2_fetch), sum(last.l2_load), sum(last.l2_store)]
    assert sum(totals) > 100


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("l1d=32768:8:48", "power of two"),
        ("l1d=65536:8:64", "page (4096 bytes)"),
        ("l2=1000:8:64", "must be a power of two"),
        ("l2=4096:67108864:64", "must be a power of two"),
        ("l1i=32768:8", "want SIZE:WAYS:LINE"),
        ("l2=524288:8:32", "longer than that of L2"),
        ("policy=fifo", "want lru, plru or random"),
        ("output=/nowhere/counters", "No such file"),
        ("itlb=12:4", "power of two"),
        ("itlb=9", "want ENTRIES:WAYS"),
        ("nonsense=1", "nonsense"),
    ],
)
def test_wrong_options_are_refused(
    emulator: Emulator, tmp_path: Path, option: str, reason: str
) -> None:
    name = option.split("=", maxsplit=1)[0]
    fields = finalize_model(BANIAS, tmp_path / "counters").split(",")
    kept = [f for f in fields if f.split("=")[0] != name]
    argv: list[str | Path] = [emulator.qemu, "-L", emulator.firmware, "-M", "pc", "-nodefaults"]
    argv += ["-display", "none"]
    rate = Fraction(5, 7)
    argv += ["-icount", f"shift=0,sleep=off,num={rate.numerator},den={rate.denominator}"]
    argv += ["-S", "-object", ",".join([*kept, option])]
    result = run(argv, check=False, timeout_s=20)
    assert result.returncode == 1
    assert reason in result.stderr


def test_the_model_needs_deterministic_time(emulator: Emulator, tmp_path: Path) -> None:
    argv: list[str | Path] = [emulator.qemu, "-L", emulator.firmware, "-nodefaults", "-S"]
    argv += ["-display", "none"]
    model = finalize_model(BANIAS, tmp_path / "counters")
    result = run([*argv, "-object", model], check=False, timeout_s=20)
    assert result.returncode == 1
    assert "needs -icount" in result.stderr
