# SPDX-License-Identifier: MIT
"""Our plugins for QEMU: shared libraries that a run loads when it asks for what they tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forge.stage import Stage, Workshop
from forge.toolchain import EMULATOR_PACKAGES, describe_toolchain
from ground.files import digest_file, digest_tree
from ground.paths import PROJECT
from ground.process import run

SOURCES = PROJECT / "src" / "qemu" / "plugins"
HEADER = "include/qemu/qemu-plugin.h"
FLAGS = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror")


@dataclass(frozen=True)
class PluginsRecipe:
    """All plugins; the tarball is that of the QEMU that loads them, for its header."""

    tarball: Path

    def stage(self) -> Stage:
        """The stage that makes ``NAME.so`` of each ``src/qemu/plugins/NAME.c``."""
        return Stage(
            name="plugins",
            title="Building the emulator's plugins",
            recipe=1,
            inputs={
                "source": digest_file(self.tarball),
                "plugins": digest_tree(SOURCES),
                "toolchain": describe_toolchain(EMULATOR_PACKAGES),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Take the header, compile, strip."""
        member = f"*/{HEADER}"
        workshop.run(["tar", "-xf", self.tarball, "--strip-components=3", "--wildcards", member])
        glib = run(["pkg-config", "--cflags", "glib-2.0"]).stdout.split()
        for source in sorted(SOURCES.glob("*.c")):
            product = workshop.output / f"{source.stem}.so"
            flags = [*FLAGS, f"-I{workshop.scratch}", *glib]
            workshop.run(["gcc", *flags, "-o", product, source.name], cwd=SOURCES)
            workshop.run(["strip", "--strip-unneeded", product])
