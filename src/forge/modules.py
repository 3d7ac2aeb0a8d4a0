# SPDX-License-Identifier: MIT
"""Modules of the server's kernel, compiled in the tree that the kernel's stage kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge.kernel import IDENTITY, MODULE_TREE
from forge.stage import Built, Stage, Workshop
from forge.toolchain import describe_toolchain
from ground.files import canonical_json, digest_bytes, digest_file
from ground.paths import PROJECT

SOURCE_PATTERNS = ("*.c", "*.h", "Kbuild", "Makefile")


@dataclass(frozen=True)
class Module:
    """A module: where its sources are, its ``place`` in the kernel's tree and on the server.

    ``variant`` tells apart modules of one name from different sources; ``config`` sets options
    of the kernel's build for this module alone.
    """

    name: str
    sources: Path
    place: str
    variant: str = ""
    config: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The module's name among the stages and in the manifest."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def file(self) -> str:
        """The name of what is loaded."""
        return f"{self.name}.ko"

    @property
    def installed(self) -> str:
        """Where it lies on the server."""
        return "/".join(part for part in ("usr/lib", self.name, self.variant, self.file) if part)


MODULES = (
    Module(
        name="tux",
        variant="stock",
        sources=PROJECT / "src" / "tux",
        place="net/tux",
        config=("CONFIG_TUX=m",),
    ),
    Module(
        name="regions",
        sources=PROJECT / "images" / "modules" / "regions",
        place="mm/regions",
    ),
    Module(
        name="ledger",
        sources=PROJECT / "images" / "modules" / "ledger",
        place="net/ledger",
    ),
    Module(
        name="shuffle",
        sources=PROJECT / "images" / "modules" / "shuffle",
        place="mm/shuffle",
    ),
)


@dataclass(frozen=True)
class ModuleRecipe:
    """A module for ``kernel``."""

    module: Module
    kernel: Built
    architecture: str = "i386"

    def stage(self) -> Stage:
        """The stage that makes ``NAME.ko``."""
        module = self.module
        return Stage(
            name=module.title,
            title=f"Building the module {module.title}",
            recipe=1,
            inputs={
                "sources": digest_sources(find_sources(module.sources)),
                "tree": digest_file(self.kernel / MODULE_TREE),
                "place": module.place,
                "config": " ".join(module.config),
                "toolchain": describe_toolchain(),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Unpack the tree, add the sources, compile, leave no debug information."""
        tree = self.unpack(workshop)
        self.compile(workshop, tree)
        self.keep(workshop, tree, self.module.file)

    def unpack(self, workshop: Workshop, name: str = "linux") -> Path:
        """The kernel's tree with the module's sources in their place, in the scratch folder."""
        tree = workshop.scratch / name
        tree.mkdir()
        workshop.run(["tar", "-xf", self.kernel / MODULE_TREE, "-C", tree])
        folder = tree / self.module.place
        folder.mkdir(parents=True, exist_ok=True)
        for file, path in find_sources(self.module.sources).items():
            shutil.copyfile(path, folder / file)
        return tree

    def compile(self, workshop: Workshop, tree: Path, *options: str) -> None:
        """Compile the module in ``tree``, with ``options`` of its Makefile."""
        # With a relative M no path of the builder gets into the module.
        make = ("make", "-s", f"-j{workshop.jobs}", f"ARCH={self.architecture}", *IDENTITY)
        command = ["nice", *make, *self.module.config, *options, f"M={self.module.place}"]
        workshop.run([*command, "modules"], cwd=tree)

    def keep(self, workshop: Workshop, tree: Path, name: str) -> None:
        """The compiled module becomes the product ``name``, without debug information."""
        product = workshop.output / name
        shutil.copyfile(tree / self.module.place / self.module.file, product)
        workshop.run(["strip", "--strip-debug", product])


def find_sources(folder: Path) -> dict[str, Path]:
    """The files of ``folder`` that a module is made of, by name; not those in subdirectories."""
    paths = (path for pattern in SOURCE_PATTERNS for path in folder.glob(pattern))
    return {path.name: path for path in sorted(paths)}


def digest_sources(sources: Mapping[str, Path]) -> str:
    """SHA-256 over names and contents."""
    return digest_bytes(canonical_json({n: digest_file(p) for n, p in sources.items()}))
