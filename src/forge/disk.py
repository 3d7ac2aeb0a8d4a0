# SPDX-License-Identifier: MIT
"""A machine's disk: one FAT partition with a boot loader, the kernel and the root archive.

The guest never touches the disk after it has booted (its kernel has no block driver at all);
the root runs from memory on its own and in the testbed alike.  Every byte is decided here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from forge.packing import build_template
from forge.stage import Built, Stage, Workshop
from forge.toolchain import describe_toolchain
from ground.errors import ArtifactError
from ground.files import digest_file
from ground.paths import PROJECT

PACKER = PROJECT / "images" / "packer"
MASTER_BOOT_RECORD = Path("/usr/lib/syslinux/mbr/mbr.bin")
IMAGE_PACKAGES = ("packer", "qemu-utils", "syslinux", "syslinux-common", "mtools", "dosfstools")
SECTOR = 512
FIRST_SECTOR = 2048
SIZE_MIB = 64
FAT16_LBA = 0x0E
SERIAL = {"server": "57000001", "client": "57000002"}
BOOT_CONFIG = """\
SERIAL 0 115200
PROMPT 0
DEFAULT linux
LABEL linux
  LINUX kernel
  INITRD root.cpio
  APPEND console=ttyS0,115200 quiet panic=10
"""


@dataclass(frozen=True)
class ImageRecipe:
    """The qcow2 image of one machine, from its kernel and root."""

    machine: str
    kernel: Built
    root: Built

    def stage(self) -> Stage:
        """The stage that makes ``MACHINE.qcow2`` and ``console.txt`` of its first boot."""
        return Stage(
            name=f"image-{self.machine}",
            title=f"Packing and booting the {self.machine}'s image",
            recipe=1,
            inputs={
                "kernel": digest_file(self.kernel / "bzImage"),
                "root": digest_file(self.root / "root.cpio"),
                "template": digest_file(PACKER / "machine.json"),
                "check": digest_file(PACKER / "selfcheck.sh"),
                "tools": describe_toolchain(IMAGE_PACKAGES),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Compose the disk, then let Packer boot it once and export it."""
        disk = workshop.scratch / "disk.raw"
        compose_disk(
            workshop, disk, self.kernel / "bzImage", self.root / "root.cpio", SERIAL[self.machine]
        )
        console = workshop.scratch / "console.txt"
        output = workshop.scratch / "packed"
        variables = {
            "name": self.machine,
            "disk": str(disk),
            "checksum": f"sha256:{digest_file(disk)}",
            "size": f"{SIZE_MIB}M",
            "output": str(output),
            "console": str(console),
            "job": str(PACKER / "selfcheck.sh"),
        }
        build_template(
            PACKER / "machine.json", variables, scratch=workshop.scratch, log=workshop.log
        )
        check_console(self.machine, console.read_text(errors="replace"), workshop.log)
        (output / f"{self.machine}.qcow2").rename(workshop.output / f"{self.machine}.qcow2")


def check_console(machine: str, text: str, log: Path) -> None:
    """The machine must have said that it passed its own check."""
    if f"selfcheck: passed by {machine}" not in text:
        tail = "\n".join(text.splitlines()[-15:])
        raise ArtifactError(
            f"the {machine}'s image did not pass its own check:\n{tail}", hint=f"read {log}"
        )


def compose_disk(workshop: Workshop, disk: Path, kernel: Path, root: Path, serial: str) -> None:
    """Write the raw disk: partition table, file system, boot loader, files."""
    offset = FIRST_SECTOR * SECTOR
    sectors = SIZE_MIB * 1024 * 1024 // SECTOR - FIRST_SECTOR
    with disk.open("wb") as stream:
        stream.write(format_boot_sector(MASTER_BOOT_RECORD.read_bytes(), sectors))
        stream.truncate(SIZE_MIB * 1024 * 1024)
    geometry = ("-F", "16", "-s", "8", "-h", str(FIRST_SECTOR), "--offset", str(FIRST_SECTOR))
    workshop.run(
        [
            *("mkfs.fat", "--invariant", "-i", serial, "-n", "TESTBED", *geometry),
            *(disk, str(sectors // 2)),
        ]
    )
    workshop.run(["syslinux", "--install", "--offset", str(offset), disk])
    config = workshop.scratch / "syslinux.cfg"
    config.write_text(BOOT_CONFIG)
    for path, name in ((config, "syslinux.cfg"), (kernel, "kernel"), (root, "root.cpio")):
        workshop.run(["mcopy", "-i", f"{disk}@@{offset}", path, f"::{name}"])


def format_boot_sector(code: bytes, sectors: int) -> bytes:
    """The first sector: boot code, one active FAT partition."""
    # Cylinder, head and sector are at their limit: boot loaders of this century use LBA.
    chs = b"\xfe\xff\xff"
    partition = struct.pack("<B3sB3sII", 0x80, chs, FAT16_LBA, chs, FIRST_SECTOR, sectors)
    return code[:440].ljust(446, b"\0") + partition.ljust(64, b"\0") + b"\x55\xaa"
