# SPDX-License-Identifier: MIT
"""What the invoke tasks of the forge do."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from rich.table import Table

from forge.bundle import prepare_bundle, write_bundle
from forge.container import ARCHIVE
from forge.manifest import NAME, Manifest
from forge.modules import MODULES, ModuleRecipe
from forge.pipeline import PREBUILT_VARIABLE, Pipeline, build
from forge.provenance import FOLDER as PROVENANCE
from forge.stage import Workshop
from ground.errors import ExitCode, UsageError
from ground.paths import find_outputs
from ground.process import run
from ground.terminal import complete_step, console


def run_build(*, only: str, update_lock: bool, as_json: bool) -> None:
    """Build, then show where the time went and what was made."""
    manifest, pipeline = build(only=only, update_lock=update_lock)
    if as_json:
        print(json.dumps(describe(manifest, pipeline), indent=1))
        return
    console.print(format_times(pipeline))
    if manifest and not manifest.matches_lock:
        console.print(
            "[yellow]The mirror has moved on: results belong to other sources than the lock's "
            "and are marked so.[/] ARTIFACT_ARCHIVE=URI names an archive for an exact rebuild."
        )
    if manifest:
        console.print(f"manifest: {find_outputs() / NAME}")


def run_twice(*, only: str) -> ExitCode:
    """Build everything (or one stage) once more in another folder and compare the digests."""
    first = Pipeline()
    with tempfile.TemporaryDirectory(prefix="twice-", dir=first.cache) as folder:
        second = Pipeline(cache=Path(folder))
        (second.cache / "pool").symlink_to(first.cache / "pool")
        table = Table("stage", "first", "second", "", box=None)
        differ = []
        for name in [only] if only else list(first.stages()):
            one, two = (pipeline.stages()[name]().digest for pipeline in (first, second))
            table.add_row(name, one[:16], two[:16], "same" if one == two else "[red]differs[/]")
            differ += [name] if one != two else []
    console.print(table)
    return ExitCode.DOES_NOT_HOLD if differ else ExitCode.HOLDS


def run_tree(out: str) -> None:
    """Unpack the tree of the server's kernel into ``out`` and compile TUX there."""
    tree = Path(out).resolve()
    if tree.exists() and (not tree.is_dir() or any(tree.iterdir())):
        raise UsageError(f"{tree} is not empty", hint="name another folder, or remove this one")
    pipeline = Pipeline()
    recipe = ModuleRecipe(MODULES[0], pipeline.kernel("server"))
    place = tree / recipe.module.place
    with complete_step(f"Compiling {recipe.module.name} in {place}"):
        tree.parent.mkdir(parents=True, exist_ok=True)
        if tree.exists():
            tree.rmdir()
        log = tree.with_name(f"{tree.name}.log")
        workshop = Workshop(tree, tree.parent, log, pipeline.jobs)
        recipe.unpack(workshop, tree.name)
        recipe.compile(workshop, tree)


def run_container() -> None:
    """Build what is missing, compose the container's image, load it into the user's podman."""
    _, pipeline = build()
    archive = pipeline.container / ARCHIVE
    with complete_step("Loading the image into podman's store"):
        run(["podman", "load", "--input", archive])
    console.print(f"image: {archive}\nrun it: images/container/run reproduce --tier kick")


def describe(manifest: Manifest | None, pipeline: Pipeline) -> dict[str, Any]:
    """The build as JSON: stages with time and digest, and the manifest."""
    stages = {
        name: {
            "directory": str(built.directory),
            "digest": built.digest,
            "seconds": round(built.seconds, 1),
            "fresh": built.fresh,
        }
        for name, built in pipeline.report.items()
    }
    return {
        "stages": stages,
        "manifest": manifest.model_dump(mode="json") if manifest else None,
    }


def format_times(pipeline: Pipeline) -> Table:
    """One row a stage: was it built now, how long it takes, its digest."""
    table = Table("stage", "now", "seconds", "digest", box=None)
    for name, built in pipeline.report.items():
        now = "built" if built.fresh else "kept"
        table.add_row(name, now, f"{built.seconds:.1f}", built.digest[:16])
    return table


def run_bundle(folder: str) -> None:
    """Build what is missing, then write the offline bundle into ``folder``.

    Raises UsageError where products of another build are set: they have no image and no provenance.
    """
    if PREBUILT_VARIABLE in os.environ:
        raise UsageError(
            f"{PREBUILT_VARIABLE} names products of another build, and a bundle is of this one",
            hint=f"unset {PREBUILT_VARIABLE}",
        )
    prepare_bundle(Path(folder))
    _, pipeline = build()
    image = pipeline.container / ARCHIVE
    with complete_step("Writing the bundle"):
        files = write_bundle(Path(folder), image, find_outputs() / PROVENANCE)
    for path in files:
        console.print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)
