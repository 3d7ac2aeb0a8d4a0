# SPDX-License-Identifier: MIT
"""TUX as a module of its kernel, through memwalk, stingygen and stingify, in the kernel's tree."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from forge.kernel import MODULE_TREE
from forge.modules import find_sources
from forge.pipeline import Pipeline
from ground import process
from ground.paths import PROJECT
from stingy.memwalk.passes import Options, analyse
from stingy.model.annotation_file import AnnotationFile, read_annotations
from stingy.model.results import Memwalk
from stingy.stingify.command import Task, rewrite
from stingy.stingify.report import RewriteReport
from stingy.stingify.rewrite import make_diff
from stingy.stingify.sites import Status
from stingy.stingygen.demand import make_demand
from stingy.stingygen.generate import Target, generate, write_allocator
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Parameters
from stingy.stingygen.plan import plan_map

pytestmark = [pytest.mark.real, pytest.mark.slow]
ANNOTATIONS = PROJECT / "experiments" / "annotations" / "tux.toml"
LIMIT_S = 1200.0


@dataclass(frozen=True)
class Module:
    """TUX in the kernel's tree, compiled, and what the three tools made of it."""

    tree: Path
    file: AnnotationFile
    result: Memwalk
    task: Task
    report: RewriteReport

    @property
    def folder(self) -> Path:
        """Where its sources are."""
        return self.tree / "net" / "tux"


def compile_module(tree: Path) -> str:
    """Compile TUX; what the compiler says."""
    argv = ["make", "-s", "-j2", "ARCH=i386", "CONFIG_TUX=m", "M=net/tux", "modules"]
    made = process.run(argv, cwd=tree, timeout_s=LIMIT_S)
    return made.stdout + made.stderr


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Module:
    folder = tmp_path_factory.mktemp("module")
    tree = folder / "linux"
    tree.mkdir()
    archive = Pipeline().kernel("server") / MODULE_TREE
    process.run(["tar", "-xf", archive, "-C", tree], timeout_s=LIMIT_S)
    for name, path in find_sources(PROJECT / "src" / "tux").items():
        shutil.copyfile(path, tree / "net" / "tux" / name)
    compile_module(tree)
    file = read_annotations(ANNOTATIONS).at(tree / "net" / "tux")
    result = analyse(ANNOTATIONS, Options(root=file.root))
    plan = plan_map(make_demand(result), load_l2("banias-1400"), Parameters())
    write_allocator(generate(plan, Target.KERNEL), folder / "allocator")
    task = Task(file, file.root, result, plan, folder / "allocator", folder / "out")
    return Module(tree, file, result, task, rewrite(task))


def test_every_file_is_analysed(module: Module) -> None:
    assert {unit.status for unit in module.result.units} == {"analysed"}
    assert module.result.pointer_bytes == 4


def test_plain_memory_is_rewritten_and_what_the_system_makes_is_refused(module: Module) -> None:
    status = {found.object: found.status for found in module.report.objects}
    assert status == {
        "tux_req": Status.REWRITTEN,
        "tux_req_header": Status.REWRITTEN,
        "tux_abuf": Status.REFUSED,
        "file": Status.REFUSED,
        "page": Status.REFUSED,
        "socket": Status.REFUSED,
    }
    assert all(found.reason for found in module.report.objects if found.status is Status.REFUSED)


def test_the_generated_allocator_is_kernel_style(module: Module) -> None:
    checkpatch = module.tree / "scripts" / "checkpatch.pl"
    files = [module.task.allocator / name for name in ("stingy.c", "stingy.h")]
    process.run(["perl", checkpatch, "--strict", "--no-tree", "-q", "-f", *files], timeout_s=300)


def test_what_was_rewritten_compiles_and_stays_as_it_is(module: Module) -> None:
    for path in (module.task.out / "source").glob("*.[ch]"):
        shutil.copyfile(path, module.folder / path.name)
    with (module.folder / "Makefile").open("a") as makefile:
        makefile.write("tux-y += stingy.o\n")
    assert compile_module(module.tree) == ""
    again = Task(
        module.file, module.file.root, module.result, module.task.plan, module.task.allocator,
        module.task.out.with_name("again"),
    )  # fmt: skip
    assert rewrite(again).changed == ()
    assert make_diff(again.root, again.out / "source", module.report.changed) == ""
