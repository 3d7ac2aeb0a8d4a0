# SPDX-License-Identifier: MIT
"""The build: which stage feeds which, from sources to ``out/manifest.json``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from forge.container import ContainerRecipe
from forge.debian import ArchiveFile
from forge.disk import ImageRecipe
from forge.emulator import EmulatorRecipe, FirmwareRecipe
from forge.kernel import KernelRecipe
from forge.manifest import NAME, MachineProducts, Manifest, Product
from forge.modules import MODULES, Module, ModuleRecipe
from forge.plugins import PluginsRecipe
from forge.programs import ProgramsRecipe
from forge.provenance import FOLDER, write_provenance
from forge.roots import RootRecipe
from forge.sources import Sources
from forge.stage import Built, Stage, StageStore
from forge.toolchain import describe_toolchain
from forge.variants import CHECKED_MAPS, MAPS, VariantsRecipe
from ground.errors import UsageError
from ground.paths import find_cache, find_outputs
from ground.terminal import complete_step, console

# Names a manifest of products that need no building: the container has one.
PREBUILT_VARIABLE = "ARTIFACT_PREBUILT"

UNFIT = re.compile(r"[^\w/.+@~-]")


def refuse_unfit(cache: Path) -> None:
    """Raise UsageError if builds would go wrong in ``cache``: the makefiles of kernel and QEMU take
    no blank and no colon, and gcc's prefix map ends at an equals sign."""
    if found := UNFIT.search(str(cache)):
        raise UsageError(
            f"nothing can be built in {cache}, whose path has a {found[0]!r}",
            hint="set ARTIFACT_CACHE to a folder whose path has letters, digits and . _ + @ ~ -",
        )


@dataclass
class Pipeline:
    """All stages over one cache; each property is built when it is first asked for."""

    cache: Path = field(default_factory=find_cache)
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    update_lock: bool = False
    report: dict[str, Built] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_unfit(self.cache)
        self.sources = Sources(self.cache, self.update_lock)
        self.store = StageStore(self.cache, jobs=self.jobs)

    def stages(self) -> dict[str, Callable[[], Built]]:
        """Every stage by name, in the order in which they are built."""
        return {
            "firmware": lambda: self.firmware,
            "programs": lambda: self.programs,
            "kernel-server": lambda: self.kernel("server"),
            "kernel-client": lambda: self.kernel("client"),
            **{module.title: partial(self.module, module) for module in MODULES},
            "tux-stingy": self.variants,
            "root-server": lambda: self.root("server"),
            "root-client": lambda: self.root("client"),
            "qemu": lambda: self.qemu,
            "plugins": lambda: self.plugins,
            "image-server": lambda: self.image("server"),
            "image-client": lambda: self.image("client"),
        }

    @cached_property
    def firmware(self) -> Built:
        """QEMU's firmware directory."""
        return self._obtain(FirmwareRecipe(tuple(p for _, p in self._files("firmware"))).stage())

    @cached_property
    def qemu(self) -> Built:
        """The emulator."""
        return self._obtain(EmulatorRecipe(self._single("qemu")).stage())

    @cached_property
    def plugins(self) -> Built:
        """The emulator's plugins."""
        return self._obtain(PluginsRecipe(self._single("qemu")).stage())

    @cached_property
    def programs(self) -> Built:
        """The guests' programs."""
        recipe = ProgramsRecipe(self._single("httperf"), self._single("netperf"))
        return self._obtain(recipe.stage())

    def root(self, machine: str) -> Built:
        """The root of ``machine``."""
        wanted = self.sources.wanted[machine].packages
        modules = MODULES if machine == "server" else ()
        loaded = {module.installed: self.module(module) / module.file for module in modules}
        if machine == "server":
            variants = self.variants()
            loaded |= {f"usr/lib/tux/{name}/tux.ko": variants / f"{name}.ko" for name in MAPS}
        recipe = RootRecipe(machine, self._files(machine), wanted, self.programs, loaded)
        return self._obtain(recipe.stage())

    def kernel(self, machine: str, flavour: str = "") -> Built:
        """The kernel of ``machine``; with ``flavour`` one for tests, of no manifest."""
        return self._obtain(self._kernel_recipe(machine, flavour).stage())

    def module(self, module: Module, flavour: str = "") -> Built:
        """``module`` for the server's kernel of ``flavour``."""
        architecture = self._kernel_recipe("server", flavour).architecture
        kernel = self.kernel("server", flavour)
        return self._obtain(ModuleRecipe(module, kernel, architecture).stage())

    def variants(self, flavour: str = "") -> Built:
        """The cache-aware variants of TUX for the server's kernel of ``flavour``."""
        architecture = self._kernel_recipe("server", flavour).architecture
        kernel = self.kernel("server", flavour)
        maps = CHECKED_MAPS if flavour else MAPS
        return self._obtain(VariantsRecipe(MODULES[0], kernel, architecture, maps).stage())

    def _kernel_recipe(self, machine: str, flavour: str) -> KernelRecipe:
        ((file, path),) = self._files("linux")
        return KernelRecipe(machine, path, file.sha256, flavour)

    def image(self, machine: str) -> Built:
        """The qcow2 image of ``machine``."""
        return self._obtain(ImageRecipe(machine, self.kernel(machine), self.root(machine)).stage())

    @cached_property
    def container(self) -> Built:
        """The container's image with everything."""
        wanted = self.sources.wanted["container"].packages
        recipe = ContainerRecipe(self._files("container"), wanted, self.manifest())
        return self._obtain(recipe.stage())

    def machine(self, name: str) -> MachineProducts:
        """All products of one machine."""
        kernel, root, image = self.kernel(name), self.root(name), self.image(name)
        return MachineProducts(
            kernel=Product.measure(kernel / "kernel"),
            bzimage=Product.measure(kernel / "bzImage"),
            vmlinux=Product.measure(kernel / "vmlinux"),
            root=Product.measure(root / "root.cpio"),
            sbom=Product.measure(root / "sbom.spdx.json"),
            image=Product.measure(image / f"{name}.qcow2"),
        )

    def manifest(self) -> Manifest:
        """The manifest of everything; builds what is missing."""
        return Manifest(
            qemu=Product.measure(self.qemu / "qemu-system-i386"),
            firmware=Product(path=self.firmware.directory, sha256=self.firmware.digest),
            cache_plugin=Product.measure(self.qemu / "libcache.so"),
            instructions_plugin=Product.measure(self.plugins / "instructions.so"),
            server=self.machine("server"),
            client=self.machine("client"),
            modules={
                module.title: Product.measure(self.module(module) / module.file)
                for module in MODULES
            }
            | {"tux-stingy": Product.measure(self.variants() / "stingy.ko")},
            analysis=Product(path=self.variants().directory, sha256=self.variants().digest),
            matches_lock=not self.sources.differences,
            differences=tuple(self.sources.differences),
            sources={
                group: files[0].version if len(files) == 1 else f"{len(files)} packages"
                for group, files in sorted(self.sources.lock.items())
            },
            toolchain=describe_toolchain(),
        )

    def _files(self, group: str) -> list[tuple[ArchiveFile, Path]]:
        return [(file, self.sources.find_file(file)) for file in self.sources.resolve(group)]

    def _single(self, group: str) -> Path:
        ((_, path),) = self._files(group)
        return path

    def _obtain(self, stage: Stage) -> Built:
        built = self.store.obtain(stage)
        self.report[stage.name] = built
        return built


def build(*, only: str = "", update_lock: bool = False) -> tuple[Manifest | None, Pipeline]:
    """Build everything (or one stage) and write ``out/manifest.json``.

    Raises UsageError for an unknown stage; ArtifactError when a build fails, naming its log.
    """
    pipeline = Pipeline(update_lock=update_lock)
    if prebuilt := os.environ.get(PREBUILT_VARIABLE):
        return Manifest.load(Path(prebuilt)), pipeline
    if only:
        stages = pipeline.stages() | {"container": lambda: pipeline.container}
        if only not in stages:
            raise UsageError(f"no stage {only!r}", hint=f"one of {', '.join(stages)}")
        stages[only]()
        return None, pipeline
    announce(pipeline)
    with complete_step("Building"):
        for obtain in pipeline.stages().values():
            obtain()
        manifest = pipeline.manifest()
        manifest.write(find_outputs() / NAME)
        write_provenance(manifest, pipeline.sources.lock, find_outputs() / FOLDER)
    if update_lock:
        pipeline.sources.write_lock()
    return manifest, pipeline


def announce(pipeline: Pipeline) -> None:
    """Say what the last builds of all stages took, so that the wait has an end."""
    known = {name: pipeline.store.estimate(name) for name in pipeline.stages()}
    total = sum(seconds for seconds in known.values() if seconds)
    if total and all(known.values()):
        console.print(f"[dim]a build of everything took {total / 60:.1f} minutes here[/]")
