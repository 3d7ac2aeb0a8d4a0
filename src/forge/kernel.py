# SPDX-License-Identifier: MIT
"""The guests' kernels: the distribution's source, our series, a minimal config."""

# DEVIATIONS.md: [kernel]

from __future__ import annotations

import re
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

from forge.stage import SOURCE_DATE_EPOCH, Stage, Workshop
from forge.toolchain import describe_toolchain
from ground.errors import ArtifactError
from ground.files import digest_bytes, digest_file, digest_tree
from ground.paths import PROJECT

CONFIGS = PROJECT / "images" / "kernel"
SERIES = PROJECT / "src" / "linux"
# The series hooks TUX up in the kernel's configuration; the kernel needs this file of it alone,
# so that no other change in TUX builds a kernel.
TUX_KCONFIG = PROJECT / "src" / "tux" / "Kconfig"
MODULE_TREE = "modules.tar"
# What a module is compiled with and linked against; mm for the instrument that knows slab pages.
MODULE_NEEDS = (
    *(".config", "Kbuild", "Makefile", "Module.symvers", "scripts", "include", "net/tux"),
    *("arch/x86/Makefile", "arch/x86/Makefile_32.cpu", "arch/x86/include"),
    *("mm/slab.h", "mm/internal.h"),
)
# For 64 bits every object file is checked by objtool, which modules_prepare has built.
MODULE_NEEDS_64 = ("tools/objtool/objtool",)
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
    """One kernel: the package with its source, whose config it takes, and, for tests, the name
    of a further fragment in images/kernel (``flavour``)."""

    machine: str
    package: Path
    digest: str
    flavour: str = ""

    def stage(self) -> Stage:
        """The stage that makes ``kernel`` (what QEMU boots), ``bzImage``, ``vmlinux`` (with
        symbols), ``System.map``, ``config``, and, on the server, ``modules.tar``: the tree in
        which modules are compiled.  Only the server's kernel is changed by our series."""
        inputs = {
            "source": self.digest,
            "series": digest_tree(SERIES) if self.takes_modules else digest_bytes(b""),
            "config": "".join(digest_file(path) for path in self.fragments),
            "toolchain": describe_toolchain(),
        }
        if self.takes_modules:
            inputs["tux"] = digest_file(TUX_KCONFIG)
        if self.architecture == "x86_64":
            inputs["needs"] = " ".join(MODULE_NEEDS_64)
        if self.options:
            inputs["options"] = " ".join(self.options)
        return Stage(
            name=f"kernel-{self.machine}" + (f"-{self.flavour}" if self.flavour else ""),
            title=f"Building the {self.machine}'s kernel",
            recipe=2 if self.takes_modules else 1,
            inputs=inputs,
            build=self.build,
        )

    @property
    def architecture(self) -> str:
        """The kernel's name for what it is built for: i386, or x86_64 where a fragment says so."""
        found = "n"
        for path in self.fragments:
            for match in re.finditer(r"^CONFIG_64BIT=([yn])$", path.read_text(), re.MULTILINE):
                found = match[1]
        return "x86_64" if found == "y" else "i386"

    @property
    def options(self) -> tuple[str, ...]:
        """What make is told besides.  KCSAN is to choose among the accesses of modules: with all of
        the kernel's to choose from, it would hardly ever come to one of theirs."""
        text = self.fragments[-1].read_text()
        return ("KCSAN_SANITIZE=n",) if "\nCONFIG_KCSAN=y\n" in text else ()

    @property
    def takes_modules(self) -> bool:
        """Whether modules are built for this kernel."""
        return self.machine == "server"

    @property
    def fragments(self) -> tuple[Path, ...]:
        """The config's parts; later ones win."""
        names = ("common", self.machine, self.flavour)
        return tuple(CONFIGS / f"{name}.config" for name in names if name)

    def build(self, workshop: Workshop) -> None:
        """Unpack, patch, configure, compile."""
        source = unpack_source(workshop, self.package)
        if self.takes_modules:
            apply_series(workshop, SERIES, source)
            add_tux_hook(source)
        wanted = workshop.scratch / "wanted.config"
        wanted.write_text("".join(path.read_text() for path in self.fragments))
        architecture = f"ARCH={self.architecture}"
        make = ("make", "-s", f"-j{workshop.jobs}", architecture, *IDENTITY, *self.options)
        workshop.run([*make, f"KCONFIG_ALLCONFIG={wanted}", "allnoconfig"], cwd=source)
        check_config(wanted.read_text(), (source / ".config").read_text())
        targets = ("bzImage", "modules_prepare") if self.takes_modules else ("bzImage",)
        workshop.run(["nice", *make, *targets], cwd=source)
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
        if self.takes_modules:
            more = MODULE_NEEDS_64 if self.architecture == "x86_64" else ()
            pack_module_tree(workshop, source, (*MODULE_NEEDS, *more))


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


def add_tux_hook(source: Path) -> None:
    """What the kernel's configuration and its Makefiles expect of TUX: options, no sources."""
    folder = source / "net" / "tux"
    folder.mkdir()
    shutil.copyfile(TUX_KCONFIG, folder / "Kconfig")
    (folder / "Makefile").touch()


def pack_module_tree(workshop: Workshop, source: Path, needs: tuple[str, ...]) -> None:
    """Keep what compiling a module needs, the kernel's exported symbols included."""
    # Without modules of its own, the kernel's symbols are all there are.
    (source / "vmlinux.symvers").rename(source / "Module.symvers")
    fixed = (
        *("--sort=name", f"--mtime=@{SOURCE_DATE_EPOCH}", "--owner=0", "--group=0"),
        *("--numeric-owner", "--mode=go-w,a+rX", "--format=gnu"),
    )
    left_out = (
        "--exclude=*.o",
        "--exclude=*.cmd",
        "--exclude=*.a",
        "--exclude=include/dt-bindings",
    )
    archive = workshop.output / MODULE_TREE
    workshop.run(["tar", *fixed, *left_out, "-cf", archive, *needs], cwd=source)


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
