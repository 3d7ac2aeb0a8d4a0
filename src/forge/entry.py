# SPDX-License-Identifier: MIT
"""What the invoke tasks of the forge do."""

from __future__ import annotations

import json
from typing import Any

from rich.table import Table

from forge.manifest import NAME, Manifest
from forge.pipeline import Pipeline, build
from ground.places import find_outputs
from ground.voice import console


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
