# SPDX-License-Identifier: MIT
"""Stages: built once, whole or absent, found again by their inputs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forge.stage import Stage, StageStore, Workshop
from ground.process import ProcessError, start


def write_product(workshop: Workshop) -> None:
    (workshop.output / "product").write_bytes(b"made")


def make_stage(build: Callable[[Workshop], None] = write_product, **inputs: str) -> Stage:
    return Stage("example", "Building an example", 1, inputs, build)


def test_the_same_inputs_are_built_once(tmp_path: Path) -> None:
    store = StageStore(tmp_path, jobs=1)
    first = store.obtain(make_stage(a="1"))
    second = store.obtain(make_stage(a="1"))
    assert first.fresh
    assert not second.fresh
    assert (second / "product").read_bytes() == b"made"
    assert first.digest == second.digest


def test_every_input_and_the_recipe_make_another_key() -> None:
    stage = make_stage(a="1", b="2")
    others = [make_stage(a="2", b="2"), make_stage(a="1"), replace(stage, recipe=2)]
    assert len({stage.key, *(other.key for other in others)}) == 4


def test_a_failed_build_leaves_no_product_and_names_its_log(tmp_path: Path) -> None:
    def fail(workshop: Workshop) -> None:
        write_product(workshop)
        workshop.run(["sh", "-c", "echo the reason >&2; exit 3"])

    store = StageStore(tmp_path, jobs=1)
    with pytest.raises(ProcessError) as caught:
        store.obtain(make_stage(fail))
    log = Path(caught.value.hint.removeprefix("read "))
    assert "the reason" in log.read_text()
    assert not list((tmp_path / "stages").rglob("product"))
    assert store.obtain(make_stage()).fresh


def build_slowly(workshop: Workshop) -> None:
    counter = workshop.scratch.parents[2] / "builds"
    with counter.open("ab") as stream:
        stream.write(b"x")
    write_product(workshop)
    time.sleep(1)


def obtain_slowly(cache: Path) -> None:
    StageStore(cache, jobs=1).obtain(make_stage(build_slowly))


def test_two_builders_do_the_work_once(tmp_path: Path) -> None:
    builders = [multiprocessing.Process(target=obtain_slowly, args=(tmp_path,)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
        assert builder.exitcode == 0
    assert (tmp_path / "builds").read_bytes() == b"x"


def test_a_killed_build_is_done_again(tmp_path: Path) -> None:
    builder = multiprocessing.Process(target=obtain_slowly, args=(tmp_path,))
    builder.start()
    while not (tmp_path / "builds").exists():
        time.sleep(0.01)
    assert builder.pid is not None
    os.kill(builder.pid, signal.SIGKILL)
    builder.join()
    built = StageStore(tmp_path, jobs=1).obtain(make_stage(build_slowly))
    assert built.fresh
    assert (built / "product").read_bytes() == b"made"
    assert not list((tmp_path / "scratch").iterdir())


def test_orphans_of_a_killed_build_are_no_hindrance(tmp_path: Path) -> None:
    stage = make_stage()
    work = tmp_path / "scratch" / f"{stage.name}-{stage.key}" / "work"
    work.mkdir(parents=True)
    orphan = "cd $1; while :; do mkdir -p d; : > d/$n; n=$((n + 1)); done"
    with start(["sh", "-c", orphan, "sh", work]):
        while not (work / "d").exists():
            time.sleep(0.01)
        assert StageStore(tmp_path, jobs=1).obtain(stage).fresh
