# SPDX-License-Identifier: MIT
"""The disk: composed the same way twice, bootable by its tables."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from forge.disk import FIRST_SECTOR, SECTOR, check_console, compose_disk, format_boot_sector
from forge.stage import Workshop
from ground.errors import ArtifactError
from ground.process import run


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    kernel, root = tmp_path / "bzImage", tmp_path / "root.cpio"
    kernel.write_bytes(b"kernel" * 1000)
    root.write_bytes(b"root" * 5000)
    return kernel, root


def compose(folder: Path, files: tuple[Path, Path]) -> Path:
    folder.mkdir()
    workshop = Workshop(folder, folder, folder / "log", 1)
    compose_disk(workshop, folder / "disk.raw", *files, serial="57000001")
    return folder / "disk.raw"


def test_the_same_files_make_the_same_disk(tmp_path: Path, files: tuple[Path, Path]) -> None:
    first = compose(tmp_path / "one", files)
    time.sleep(2.1)  # FAT counts time in steps of two seconds
    second = compose(tmp_path / "another", files)
    assert first.read_bytes() == second.read_bytes()


def test_the_disk_holds_the_files(tmp_path: Path, files: tuple[Path, Path]) -> None:
    disk = compose(tmp_path / "one", files)
    partition = f"{disk}@@{FIRST_SECTOR * SECTOR}"
    for path, name in zip(files, ("kernel", "root.cpio"), strict=True):
        copy = tmp_path / "copy"
        run(["mcopy", "-n", "-i", partition, f"::{name}", copy])
        assert copy.read_bytes() == path.read_bytes()
        copy.unlink()


def test_the_boot_sector_has_one_active_partition() -> None:
    sector = format_boot_sector(b"\x90" * 440, 1000)
    assert len(sector) == 512
    assert sector[510:] == b"\x55\xaa"
    active, kind = sector[446], sector[450]
    assert (active, kind) == (0x80, 0x0E)
    assert struct.unpack_from("<II", sector, 454) == (FIRST_SECTOR, 1000)
    assert sector[462:510] == bytes(48)


def test_a_machine_that_did_not_pass_is_an_error(tmp_path: Path) -> None:
    check_console("server", "selfcheck: passed by server\n", tmp_path / "log")
    with pytest.raises(ArtifactError, match="httperf failed"):
        check_console("client", "selfcheck: httperf failed\n", tmp_path / "log")
