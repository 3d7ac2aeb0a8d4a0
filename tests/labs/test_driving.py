# SPDX-License-Identifier: MIT
"""Lab 5's policy in the testbed, as far as it goes without machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground.errors import UsageError
from labs.driving import ALIGNMENT, JUDGED, find_complaint, replace_module, run_drive
from testbed.machines.command_line import Boot
from testbed.machines.products import Products


def test_the_module_is_a_second_archive_behind_the_root(tmp_path: Path) -> None:
    root, module = tmp_path / "root.cpio", tmp_path / "tux.ko"
    root.write_bytes(b"first" * 100)
    module.write_bytes(b"a module")
    boot = Boot(tmp_path, tmp_path, tmp_path, root)
    products = Products(boot, boot, tmp_path, {"server.root": "a", "qemu": "b"})
    mine = replace_module(products, module, tmp_path / "mine.cpio")
    text = mine.server.root.read_bytes()
    assert text.startswith(root.read_bytes())
    assert text[ALIGNMENT : ALIGNMENT + 6] == b"070701"
    assert b"usr/lib/tux/stock/tux.ko\0" in text
    assert b"a module" in text
    assert mine.client.root == root
    assert mine.digests["server.root"] != "a"
    assert mine.digests["qemu"] == "b"


def test_points_are_linear_between_the_bounds() -> None:
    for one in JUDGED:
        middle = (one.full_at + one.zero_at) / 2
        shares = (one.full_at / 2, one.full_at, middle, one.zero_at, 2 * one.zero_at)
        points = [one.judge(share) for share in shares]
        assert points == pytest.approx([one.points, one.points, one.points / 2, 0, 0])


def test_a_visit_that_cannot_be_is_found_in_the_console(tmp_path: Path) -> None:
    console = tmp_path / "server/console.txt"
    console.parent.mkdir()
    console.write_text("[ 1.0] tux: started\n[ 2.0] tux: no visit: stage 3, 0 turns\n")
    assert find_complaint(tmp_path) == "no visit: stage 3, 0 turns"
    console.write_text("[ 1.0] tux: started\n")
    assert find_complaint(tmp_path) == ""


def test_a_policy_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a file"):
        run_drive(tmp_path / "policy.c", keep="", seed=1)
