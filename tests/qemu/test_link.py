# SPDX-License-Identifier: MIT
"""What the timed link does when there is no room: a full wire holds its sender's card back, a full
card drops what arrives, and says which frames those were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.link.pcap import GLOBAL_HEADER, RECORD_HEADER
from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest
from tests.qemu.instruction_trace import Program
from tests.qemu.link_file import Frame, read_sent, write_link_file
from tests.qemu.test_devices import LENGTH, write_nic_setup, write_nic_wait

pytestmark = pytest.mark.real

BITS_PER_S = 4000
OVERHEAD = 24  # preamble, checksum and gap of a frame
FRAME_NS = (LENGTH + OVERHEAD) * 8 * 10**9 // BITS_PER_S
LATENCY_NS = 50_000
SYNC_NS = 2_000_000_000
FRAMES = 5
TRANSMIT_HEAD = 0x3810
DESCRIPTORS = 7  # of the eight to receive, one stays empty


def write_wait(p: Program, after_ns: int) -> None:
    """Until so long after SYNC, to a tick of 55 ms; EBX is kept."""
    p.set_up(f"mov ${SYNC_NS + after_ns}, %esi", "xor %edi, %edi", "call wait_until")
    p.set_up("mov %ebp, %ebx")


def write_print(p: Program, register: int) -> None:
    p.set_up(f"mov {register:#x}(%ebx), %eax", "out %al, $0xe9")


def run_on_link(
    emulator: Emulator, directory: Path, p: Program, arrivals: list[int], settings: str
) -> bytes:
    """What the guest prints, on a link on which frames come at ``arrivals``."""
    frames = [Frame(at, bytes(6) + bytes(54)) for at in arrivals]
    link = write_link_file(directory / "link", frames)
    options = f"timedlink,id=n0,path={link},side=0,{settings}"
    files = f"stats={directory / 'stats'},pcap={directory / 'pcap'}"
    device = ("-netdev", f"{options},{files}", "-device", "e1000,addr=3,romfile=,netdev=n0")
    kernel = build_guest(directory, p.source(), PROGRAMS / "timer.S")
    return run_guest(emulator, directory, kernel, None, options=device).console


def read_times(path: Path) -> list[int]:
    """When the frames of a capture passed, all of one length."""
    data, times = path.read_bytes()[GLOBAL_HEADER:], []
    while data:
        seconds, rest, kept, _ = (int.from_bytes(data[i : i + 4], "little") for i in (0, 4, 8, 12))
        times.append(seconds * 10**9 + rest)
        data = data[RECORD_HEADER + kept :]
    return times


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_a_full_wire_holds_the_card_back(emulator: Emulator, tmp_path: Path, waiting: int) -> None:
    """So many frames may wait for the wire; the others are not taken off the ring before."""
    p = Program()
    write_nic_setup(p, send=FRAMES, loopback=False)
    write_nic_wait(p)
    p.set_up("MARK(4)", f"movl ${FRAMES}, 0x3818(%ebx)")
    for turns in (3, 10):
        write_wait(p, turns * FRAME_NS // 2)
        write_print(p, TRANSMIT_HEAD)
    queue = waiting * (LENGTH + OVERHEAD)
    settings = f"bandwidth={BITS_PER_S},queue={queue},latency={LATENCY_NS}"
    console = run_on_link(emulator, tmp_path, p, [], settings)
    first, *_ = times = read_times(tmp_path / "pcap")
    after = [max(0, number - waiting) * FRAME_NS for number in range(FRAMES)]
    assert [t - first for t in times] == after
    ends = [first + (number + 1) * FRAME_NS for number in range(FRAMES)]  # the wire never idles
    assert [sent.arrival - LATENCY_NS for sent in read_sent(tmp_path / "link")] == ends
    assert list(console) == [min(2 + waiting, FRAMES), FRAMES]
    assert max(after) < 10 * FRAME_NS // 2  # the guest has looked again when all were taken


def test_the_link_says_which_frames_found_no_room(emulator: Emulator, tmp_path: Path) -> None:
    """Seven go into the ring and three into the buffer, and then there is room for two."""
    p = Program()
    write_nic_setup(p)
    write_nic_wait(p)
    p.set_up("MARK(4)")
    write_wait(p, 200_000_000)
    p.set_up("movl $1, 0x2818(%ebx)")  # two more descriptors
    write_wait(p, 600_000_000)
    early = [1000 * number for number in range(20)]
    late = [500_000_000 + 1000 * number for number in range(4)]
    run_on_link(emulator, tmp_path, p, [*early, *late], "fifo=200")
    stats = json.loads((tmp_path / "stats").read_text())
    kept = DESCRIPTORS + 3
    assert stats["dropped"] == [[kept, 20 - kept], [22, 2]]
    assert stats["fifo_drops"] == 20 - kept + 2
    assert stats["rx_frames"] == kept + 2
    assert len(read_times(tmp_path / "pcap")) == 24  # the capture has them all
