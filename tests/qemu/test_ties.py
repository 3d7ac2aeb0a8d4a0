# SPDX-License-Identifier: MIT
"""What happens at the same nanosecond happens in one order: frames come before other timers, and
those of several links in the order of the links.

The link's timer is set when the host lets the other machine be heard, so the order in which
timers were set must not decide.  The model's sample shows whether a frame was there before it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, Record, build_guest, finalize_model, run_guest
from tests.qemu.instruction_trace import Program
from tests.qemu.link_file import Frame, write_link_file
from tests.qemu.test_devices import BANIAS, BUFFER, RECEIVE, write_nic_setup, write_nic_wait

pytestmark = pytest.mark.real

PERIOD_NS = 1_000_000
FRAME = bytes(6) + bytes(range(54))


def build_listener(directory: Path) -> Path:
    """A guest that lets its NIC receive for some timer ticks."""
    p = Program()
    write_nic_setup(p)
    write_nic_wait(p)
    p.set_up("START", "MARK(4)", "mov $2010000000, %esi", "xor %edi, %edi", "call wait_until")
    p.set_up("STOP")
    return build_guest(directory, p.source(), PROGRAMS / "timer.S")


def listen(emulator: Emulator, directory: Path, kernel: Path, arrivals: list[int]) -> list[Record]:
    """The counter stream while frames come at ``arrivals``, in ns since SYNC."""
    link = write_link_file(directory / "link", [Frame(at, FRAME) for at in arrivals])
    stream = directory / "samples"
    model = f"{finalize_model(BANIAS, stream)},sample-ns={PERIOD_NS}"
    options = ("-netdev", f"timedlink,id=n0,path={link},side=0", "-object", model)
    options += ("-device", "e1000,addr=3,romfile=,netdev=n0")
    run_guest(emulator, directory, kernel, None, options=options)
    return [json.loads(line) for line in stream.read_text().splitlines()]


def test_a_frame_comes_before_a_timer_of_the_same_time(emulator: Emulator, tmp_path: Path) -> None:
    kernel = build_listener(tmp_path)
    quiet = listen(emulator, tmp_path, kernel, [])
    (sync,) = (r["t"] for r in quiet if r["ev"] == "sync")
    samples = [r["t"] for r in quiet if r["ev"] == "sample"]
    tie = samples[9] - sync
    # The second frame's timer is set when the first is delivered, long after the sample's
    records = listen(emulator, tmp_path, kernel, [tie - 10, tie, tie + 1])
    lines = [r["dma_lines"] for r in records if r["ev"] == "sample"]
    assert [r["t"] for r in records if r["ev"] == "sample"][9] == sync + tie
    assert lines[8] == 0
    assert lines[10] % 3 == 0
    assert lines[9] == lines[10] // 3 * 2 > 0


@pytest.mark.parametrize("early", [0, 1])
def test_links_have_an_order(emulator: Emulator, tmp_path: Path, early: int) -> None:
    """Whichever link's timer was set last: both NICs write one buffer, the second NIC's stays."""
    p = Program()
    for number in (0, 1):
        write_nic_setup(p, 3 + number, RECEIVE + 256 * number, stride=0)
    write_nic_wait(p)
    p.set_up("MARK(4)", "mov $2010000000, %esi", "xor %edi, %edi", "call wait_until")
    p.set_up(f"mov {BUFFER + 20:#x}, %al", "out %al, $0xe9")
    kernel = build_guest(tmp_path, p.source(), PROGRAMS / "timer.S")
    options: list[str] = []
    for number in (0, 1):
        data = FRAME[:20] + bytes([number + 1] * 40)
        arrivals = [PERIOD_NS - 10, PERIOD_NS] if number == early else [PERIOD_NS]
        link = write_link_file(tmp_path / f"link{number}", [Frame(at, data) for at in arrivals])
        options += ["-netdev", f"timedlink,id=n{number},path={link},side=0"]
        options += ["-device", f"e1000,addr={3 + number},romfile=,netdev=n{number}"]
    outcome = run_guest(emulator, tmp_path, kernel, None, options=tuple(options))
    assert outcome.console == bytes([2])
