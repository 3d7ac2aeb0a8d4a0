# SPDX-License-Identifier: MIT
"""The guests' kernels: the distribution's source, our series, a minimal config."""

from __future__ import annotations

import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

from forge.stage import SOURCE_DATE_EPOCH, Stage, Workshop
from forge.toolchain import describe_toolchain
from ground.files import digest_file, digest_tree
from ground.places import PROJECT
from ground.voice import ArtifactError

CONFIGS = PROJECT / "images" / "kernel"
SERIES = PROJECT / "src" / "linux"
# Nothing of the builder may reach the binary: neither name, nor time, nor path.
IDENTITY = (
    f"KBUILD_BUILD_TIMESTAMP=@{SOURCE_DATE_EPOCH}",
    "KBUILD_BUILD_USER=forge",
    "KBUILD_BUILD_HOST=forge",
    "KBUILD_BUILD_VERSION=1",
)
UNUSED = ("Documentation/*/*", "tools/testing", "sound/*/*.c", "drivers/gpu/*.[ch]")


@dataclass(frozen=True)
class KernelRecipe:
    """One kernel: the package with its source, and whose config it takes."""

    machine: str
    package: Path
    digest: str

    def stage(self) -> Stage:
        """The stage that makes ``kernel`` (what QEMU boots), ``bzImage``, ``vmlinux`` (with
        symbols), ``System.map`` and ``config``."""
        return Stage(
            name=f"kernel-{self.machine}",
            title=f"Building the {self.machine}'s kernel",
            recipe=1,
            inputs={
                "source": self.digest,
                "series": digest_tree(SERIES),
                "config": "".join(digest_file(path) for path in self.fragments),
                "toolchain": describe_toolchain(),
            },
            build=self.build,
        )

    @property
    def fragments(self) -> tuple[Path, Path]:
        """The config's parts; later ones win."""
        return CONFIGS / "common.config", CONFIGS / f"{self.machine}.config"

    def build(self, workshop: Workshop) -> None:
        """Unpack, patch, configure, compile."""
        source = unpack_source(workshop, self.package)
        apply_series(workshop, SERIES, source)
        wanted = workshop.scratch / "wanted.config"
        wanted.write_text("".join(path.read_text() for path in self.fragments))
        make = ("make", "-s", f"-j{workshop.jobs}", "ARCH=i386", *IDENTITY)
        workshop.run([*make, f"KCONFIG_ALLCONFIG={wanted}", "allnoconfig"], cwd=source)
        check_config(wanted.read_text(), (source / ".config").read_text())
        workshop.run(["nice", *make, "bzImage"], cwd=source)
        products = {
            "bzImage": "arch/x86/boot/bzImage",
            # The ELF image that is the bzImage's payload: QEMU enters it directly (PVH), which
            # saves decompressing it at every boot.
            "kernel": "arch/x86/boot/compressed/vmlinux.bin",
            "vmlinux": "vmlinux",
            "System.map": "System.map",
            "config": ".config",
        }
        for name, path in products.items():
            shutil.copyfile(source / path, workshop.output / name)


def unpack_source(workshop: Workshop, package: Path) -> Path:
    """The source tree in the package ``linux-source-6.1``."""
    workshop.run(["dpkg-deb", "-x", package, "package"])
    (archive,) = (workshop.scratch / "package/usr/src").glob("linux-source-*.tar.xz")
    source = workshop.scratch / "linux"
    source.mkdir()
    excluded = [f"--exclude=linux-source-*/{pattern}" for pattern in UNUSED]
    workshop.run(["tar", "-xf", archive, "--strip-components=1", *excluded, "-C", source])
    return source


def apply_series(workshop: Workshop, folder: Path, source: Path) -> None:
    """Apply the patches that ``folder/series`` names, if any; a fuzzy match is an error."""
    series = folder / "series"
    if not series.is_file():
        return
    for line in series.read_text().splitlines():
        if name := line.split("#", 1)[0].strip():
            patch = folder / "patches" / name
            workshop.run(
                ["patch", "-p1", "-F0", "--no-backup-if-mismatch", "-i", patch], cwd=source
            )


def check_config(wanted: str, got: str) -> None:
    """Every option asked for must have survived the merge with its value."""
    have = dict(line.split("=", 1) for line in got.splitlines() if line.startswith("CONFIG_"))
    lost = []
    asked = dict(line.split("=", 1) for line in wanted.splitlines() if line.startswith("CONFIG_"))
    for name, value in asked.items():
        if have.get(name, "n") != value:
            lost.append(f"{name}={value} became {have.get(name, 'n')}")
    if lost:
        raise ArtifactError(
            "the kernel's configuration did not keep what was asked: " + ", ".join(lost),
            hint="correct images/kernel/*.config (an option's dependencies may have changed)",
        )


def extract_payload(bzimage: bytes) -> bytes:
    """The ELF image inside a gzip-compressed bzImage: byte for byte what ``kernel`` is."""
    setup_sectors = bzimage[0x1F1] or 4
    start = (setup_sectors + 1) * 512 + int.from_bytes(bzimage[0x248:0x24C], "little")
    length = int.from_bytes(bzimage[0x24C:0x250], "little")
    # The stream is followed by its length, which the decompressor at hand ignores.
    return zlib.decompressobj(wbits=31).decompress(bzimage[start : start + length])
