# SPDX-License-Identifier: MIT
"""TUX's cache-aware variants: its sources analysed, rewritten and compiled with an allocator.

memwalk, stingygen and stingify run here as anybody would run them, as commands, in the tree in
which the stock module was compiled.  One map of memory gives one module.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from forge.kernel import MODULE_TREE
from forge.modules import Module, ModuleRecipe, digest_sources, find_sources
from forge.stage import Built, Stage, Workshop
from forge.toolchain import describe_toolchain
from ground import process
from ground.errors import ArtifactError, ExitCode
from ground.files import digest_file
from ground.paths import PROJECT

ANNOTATIONS = PROJECT / "experiments" / "annotations" / "tux.toml"
GEOMETRY = PROJECT / "experiments" / "geometry" / "banias-1400.toml"
TOOLS = PROJECT / "src" / "stingy"
RATED = "stingy"


@dataclass(frozen=True)
class Memory:
    """What a module does with its objects: what stingygen is told, and the option of the module's
    Makefile that adds the code for it.  A ``mutant`` is a map that the proof has to refuse."""

    flags: tuple[str, ...] = ()
    option: str = "TUX_STINGY=y"
    mutant: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What stingygen is told."""
        return (*self.flags, "--unproven") if self.mutant else self.flags


# What a request of TUX touches outside of its pools, TCP's memory for the most part: 74 lines of 64
# bytes. Measured in marked runs of stock TUX (`instruments.regions`, seed 101) with an L2 of 256
# MiB, which evicts nothing: from cold to the end `ab -c 500 -n 5000` misses 32,194 lines more,
# loads and stores, than `ab -c 100 -n 5000`, and at its peak has 400 requests more alive. Of these
# 80.5 lines a request 6.8 are request and header; the most are TCP's sock (28), pages (24),
# sk_buffs (9), page structs (5).
OUTSIDE = ("--outside-bytes", "4717")
# Modules by name: the rated map, others for the sweep of sizes, those whose query counts all that a
# request touches, the kernel's caches instead of slabs, and mutants.
MAPS: dict[str, Memory] = (
    {RATED: Memory()}
    | {f"{RATED}-slab-{kib}": Memory(("--slab-bytes", f"{kib}KiB")) for kib in (256, 512, 1024)}
    | {
        f"{RATED}-footprint": Memory(OUTSIDE),
        f"{RATED}-footprint-half": Memory((*OUTSIDE, "--share-left", "0.5")),
        "pools": Memory(("--backing", "kmem_cache"), option="TUX_POOLS=y"),
        "mutant-page": Memory(("--mutant", "off-by-a-page"), mutant=True),
        "mutant-colours": Memory(("--mutant", "colliding"), mutant=True),
        "mutant-size": Memory(("--slab-bytes", "2MiB"), mutant=True),
    }
)
# For kernels with checkers, as far as tests load them: objects between red zones, poisoned while
# they are free, since KASAN knows nothing of slots in a slab (it does of the kernel's caches); and
# below the stack room for one as large as such a kernel's.
CHECKED = ("--debug", "--low-bytes", "32KiB")
CHECKED_MAPS: dict[str, Memory] = {
    RATED: Memory(CHECKED),
    f"{RATED}-footprint": Memory((*CHECKED, *OUTSIDE)),
    "pools": MAPS["pools"],
}
FEW_ROUNDS = 3  # an object that is refused gets no room in the next round's map


@dataclass(frozen=True)
class VariantsRecipe:
    """The variants of ``module`` for ``kernel``; the product ``NAME.ko`` of each of ``maps``."""

    module: Module
    kernel: Built
    architecture: str = "i386"
    maps: Mapping[str, Memory] = field(default_factory=lambda: MAPS)

    def stage(self) -> Stage:
        """The stage that makes them, with map, report and difference of the rated one."""
        return Stage(
            name=f"{self.module.name}-{RATED}",
            title=f"Analysing and rewriting {self.module.name}",
            recipe=1,
            inputs={
                "sources": digest_sources(find_sources(self.module.sources)),
                "tree": digest_file(self.kernel / MODULE_TREE),
                "tools": digest_sources(find_tools(TOOLS)),
                "annotations": digest_file(ANNOTATIONS),
                "geometry": digest_file(GEOMETRY),
                "maps": json.dumps({n: asdict(memory) for n, memory in sorted(self.maps.items())}),
                "toolchain": describe_toolchain(),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Compile stock, so that its compile commands are known; analyse, rewrite, compile."""
        stock = ModuleRecipe(self.module, self.kernel, self.architecture)
        tree = stock.unpack(workshop)
        stock.compile(workshop, tree)
        pipeline = Rewriting(workshop, tree / self.module.place)
        pipeline.analyse()
        refused = pipeline.settle(self.maps[RATED])
        pipeline.keep_reports()
        pipeline.take_sources()
        for name, memory in self.maps.items():
            if name != RATED:  # that map is there, since the sources were rewritten for it
                pipeline.generate([*memory.words, *refused], mutant=memory.mutant)
            pipeline.take_allocator()
            stock.compile(workshop, tree, memory.option)
            stock.keep(workshop, tree, f"{name}.ko")


@dataclass(frozen=True)
class Rewriting:
    """The three commands, one after the other, on the sources in ``folder``."""

    workshop: Workshop
    folder: Path

    @property
    def result(self) -> Path:
        """Where memwalk writes."""
        return self.workshop.scratch / "memwalk"

    @property
    def allocator(self) -> Path:
        """Where stingygen writes."""
        return self.workshop.scratch / "allocator"

    @property
    def rewritten(self) -> Path:
        """Where stingify writes."""
        return self.workshop.scratch / "rewritten"

    def analyse(self) -> None:
        """memwalk."""
        where: list[str | Path] = ["--root", self.folder, "--out", self.result]
        self._run("memwalk", [ANNOTATIONS, *where, "--quiet"])

    def generate(self, flags: Sequence[str], *, mutant: bool = False) -> None:
        """stingygen; a ``mutant`` that it can prove is a failure."""
        where: list[str | Path] = [self.result / "memwalk.json", "--out", self.allocator]
        self._run(
            "stingygen",
            [*where, "--target", "kernel", "--geometry", GEOMETRY.stem, *flags],
            fine=(ExitCode.DOES_NOT_HOLD if mutant else ExitCode.HOLDS,),
        )

    def rewrite(self) -> None:
        """stingify; that it refuses some objects is no failure."""
        where: list[str | Path] = ["--root", self.folder, "--result", self.result / "memwalk.json"]
        where += ["--allocator", self.allocator]
        self._run(
            "stingify",
            [ANNOTATIONS, *where, "--out", self.rewritten, "--no-compile"],
            fine=(ExitCode.HOLDS, ExitCode.DOES_NOT_HOLD),
        )

    def settle(self, rated: Memory) -> list[str]:
        """Rewrite for the ``rated`` map.  Returns the flags for stingygen that leave out what
        stingify refuses, which then needs no room."""
        flags: list[str] = []
        for _ in range(FEW_ROUNDS):
            self.generate([*rated.words, *flags])
            self.rewrite()
            report = json.loads((self.rewritten / "report.json").read_text())
            wasted = [
                item["object"]
                for item in report["objects"]
                if item["status"] == "refused" and item["constant"]
            ]
            if not wasted:
                return flags
            flags += [word for name in wasted for word in ("--without", name)]
        raise ArtifactError(
            "stingify refuses further objects each time that others get no room",
            hint=f"read {self.workshop.log}",
        )

    def keep_reports(self) -> None:
        """What was found, laid out and changed goes beside the modules."""
        for path in (
            self.result / "memwalk.json",
            self.allocator / "map.json",
            self.rewritten / "report.json",
            self.rewritten / "stingify.diff",
        ):
            shutil.copyfile(path, self.workshop.output / path.name)

    def take_sources(self) -> None:
        """The rewritten files replace those that they were made from."""
        for path in sorted((self.rewritten / "source").glob("*.[ch]")):
            shutil.copyfile(path, self.folder / path.name)

    def take_allocator(self) -> None:
        """The allocator of the map at hand."""
        for path in sorted(self.allocator.glob("stingy*.[ch]")):
            shutil.copyfile(path, self.folder / path.name)

    def _run(
        self,
        command: str,
        arguments: Sequence[str | Path],
        fine: Sequence[int] = (ExitCode.HOLDS,),
    ) -> None:
        program = process.find_own_program(command)
        result = process.run([program, *arguments], log=self.workshop.log, check=False)
        if result.returncode not in fine:
            raise ArtifactError(
                f"{command} ended with {result.returncode}", hint=f"read {self.workshop.log}"
            )


def find_tools(folder: Path) -> dict[str, Path]:
    """The files that the three commands are made of, by path below ``folder``.

    What the interpreter compiles and keeps beside them is none: it comes and goes as they run.
    """
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
