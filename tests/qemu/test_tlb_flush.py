# SPDX-License-Identifier: MIT
"""What CR3 and INVLPG drop: from the modelled TLBs, against misses counted by hand; and from the
emulator's own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest
from tests.qemu.cache_reference import Config, Shape, TlbShape
from tests.qemu.random_programs import ARENA

pytestmark = pytest.mark.real

SMALL = {"itlb": TlbShape(8, 8), "dtlb": TlbShape(8, 8)}
LARGE = SMALL | {"itlb-large": TlbShape(2, 2), "dtlb-large": TlbShape(2, 2)}
SHAPES = (Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))

# Misses of four loads, two in pages below the kernel's mapping and two above, by what came
# before: nothing, the same loads, CR3, INVLPG below, INVLPG above, INVLPG of the code
DATA_SMALL = [4, 0, 2, 1, 1, 0]
DATA_LARGE = [3, 0, 2, 1, 1, 0]  # both pages above lie in one large page
CODE = [0, 0, 1, 0, 0, 1]  # the first mark has fetched it already


@pytest.mark.parametrize(
    ("tlbs", "data"), [(SMALL, DATA_SMALL), (LARGE, DATA_LARGE)], ids=["small", "large"]
)
def test_pages_are_dropped(
    emulator: Emulator, tmp_path: Path, tlbs: dict[str, TlbShape], data: list[int]
) -> None:
    config = Config(*SHAPES, tlbs=tlbs, kernel_base=ARENA + 0x400000)
    kernel = build_guest(tmp_path, PROGRAMS / "pages.S")
    outcome = run_guest(emulator, tmp_path, kernel, config)
    notes = [record for record in outcome.records if record["ev"] == "note"]
    assert [sum(b["dtlb"]) - sum(a["dtlb"]) for a, b in pairwise(notes)] == data
    assert [sum(b["itlb"]) - sum(a["itlb"]) for a, b in pairwise(notes)] == CODE


def test_a_load_finds_what_is_mapped_now(emulator: Emulator, tmp_path: Path) -> None:
    """Two loads from a large page and one from a small: at first, after INVLPG of a third part of
    the large page, of the small page, and after CR3."""
    kernel = build_guest(tmp_path, PROGRAMS / "remapped.S")
    outcome = run_guest(emulator, tmp_path, kernel, None)
    assert outcome.console == b"AaABbABbBAaA"
