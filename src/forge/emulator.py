# SPDX-License-Identifier: MIT
"""QEMU with our series, and the firmware that it loads."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from forge.kernel import apply_series
from forge.stage import Stage, Workshop
from forge.toolchain import EMULATOR_PACKAGES, describe_toolchain
from ground.files import digest_file, digest_tree
from ground.paths import PROJECT

SERIES = PROJECT / "src" / "qemu"
CONFIGURE = (
    "--prefix=/usr",
    "--target-list=i386-softmmu",
    # What happens to be installed here must not reach the program: no feature by itself (and so
    # those that are no switch by name), no package fetched, the compiler that the key names.
    "--without-default-features",
    "--enable-fdt=system",
    "--with-coroutine=ucontext",
    "--disable-download",
    "--cc=gcc",
    "--host-cc=gcc",
    "--disable-docs",
    "--disable-tools",
    "--disable-guest-agent",
    "--disable-install-blobs",
    "--disable-debug-info",
    "--disable-werror",
    "--disable-qom-cast-debug",
    "--enable-tcg",
    "--enable-plugins",
)
PROGRAM = "qemu-system-i386"
PLUGIN = "contrib/plugins/libcache.so"
FIRMWARE = {
    "seabios": ("bios-256k.bin", "vgabios-stdvga.bin"),
    "qemu": ("linuxboot_dma.bin", "pvh.bin", "kvmvapic.bin"),
}


@dataclass(frozen=True)
class EmulatorRecipe:
    """QEMU from its source package's tarball."""

    tarball: Path

    def stage(self) -> Stage:
        """The stage that makes ``qemu-system-i386`` and, for the benchmark against QEMU's own
        cache plugin, ``libcache.so``."""
        return Stage(
            name="qemu",
            title="Building QEMU",
            recipe=1,
            inputs={
                "source": digest_file(self.tarball),
                "series": digest_series(),
                "configure": " ".join(CONFIGURE),
                "toolchain": describe_toolchain(EMULATOR_PACKAGES),
                "meson": version("meson"),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Make ``build.ninja``, compile."""
        build = self.configure(workshop)
        workshop.run(["nice", "ninja", f"-j{workshop.jobs}", PROGRAM, PLUGIN], cwd=build)
        for path in (PROGRAM, PLUGIN):
            shutil.copy(build / path, workshop.output / Path(path).name)

    def configure(self, workshop: Workshop) -> Path:
        """Unpack, add files and patches, configure; where to compile."""
        source = workshop.scratch / "qemu"
        source.mkdir()
        workshop.run(["tar", "-xf", self.tarball, "--strip-components=1", "-C", source])
        stand_in_firmware(source)
        if (SERIES / "tree").is_dir():
            shutil.copytree(SERIES / "tree", source, dirs_exist_ok=True)
        apply_series(workshop, SERIES, source)
        build = workshop.scratch / "build"
        build.mkdir()
        # Relative paths only: the binary must not depend on where it was built.
        flags = f"-ffile-prefix-map={workshop.scratch}=."
        python = f"--python={sys.executable}"
        workshop.run(
            ["sh", "../qemu/configure", python, *CONFIGURE, f"--extra-cflags={flags}"], cwd=build
        )
        return build


def digest_series() -> str:
    """The digest of what is added to QEMU; the README beside it does not count."""
    parts = [digest_tree(SERIES / name) for name in ("tree", "patches") if (SERIES / name).is_dir()]
    series = SERIES / "series"
    return " ".join([*parts, *([digest_file(series)] if series.is_file() else [])])


def stand_in_firmware(source: Path) -> None:
    """The distribution's tarball lacks the EFI images; the build only wants them to exist."""
    listing = (source / "pc-bios" / "meson.build").read_text()
    for name in re.findall(r"'([\w.-]+\.fd)'", listing):
        path = source / "pc-bios" / f"{name}.bz2"
        if not path.exists():
            path.write_bytes(b"")


@dataclass(frozen=True)
class FirmwareRecipe:
    """What QEMU loads into the machine, taken from the distribution's packages."""

    packages: tuple[Path, ...]

    def stage(self) -> Stage:
        """The stage that makes one directory for QEMU's ``-L``."""
        return Stage(
            name="firmware",
            title="Unpacking the firmware",
            recipe=1,
            inputs={path.name: digest_file(path) for path in self.packages},
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Unpack the packages and copy the few files."""
        for package in self.packages:
            workshop.run(["dpkg-deb", "-x", package, "packages"])
        for folder, names in FIRMWARE.items():
            for name in names:
                shutil.copyfile(
                    workshop.scratch / "packages/usr/share" / folder / name, workshop.output / name
                )
