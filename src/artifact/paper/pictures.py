# SPDX-License-Identifier: MIT
"""The figures of a paper on the reference results: drawn once for each reference, from its tables.

Where a tier was run here its figures are drawn already.  The reference has no runs, only their
tables; what cannot be drawn from these (such as the peaks of older references) stays undrawn.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from artifact.judge.courses import SCHEMA as COURSE_SCHEMA
from artifact.judge.reference import PEAKS, RUNS, load_reference
from artifact.judge.results import Results
from artifact.paper.stored import read_table, take_reference
from artifact.report.selection import list_illustrations, make_provenance
from artifact.runs.plan import make_plan
from artifact.runs.searches import BRACKET_SCHEMA, restore_brackets
from artifact.study.designs import Design
from artifact.study.loading import load_study
from figures.style import save_figure
from ground.files import digest_bytes, digest_file
from ground.paths import PROJECT

DRAWN: Final = "drawn"  # the folder's mark that it is whole
CODE: Final = ("figures", "src/artifact")  # what draws: with other code a figure is another


def draw_reference(folder: Path, names: Iterable[str], cache: Path) -> Path:
    """A folder with those of the figures ``names`` that the reference in ``folder`` gives, as
    SVG; below ``cache``, for the next time."""
    wanted = sorted(set(names))
    stored = take_reference(folder)
    source = (folder / RUNS).read_bytes() + "\n".join([*wanted, *_digest_code()]).encode()
    kept = cache / f"{stored.digest[:16]}-{digest_bytes(source)[:16]}"
    if (kept / DRAWN).is_file():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="drawing.") as name:
        new = Path(name) / "figures"
        new.mkdir()
        _draw(folder, wanted, new)
        (new / DRAWN).touch()
        shutil.rmtree(kept, ignore_errors=True)
        new.rename(kept)
    return kept


def _digest_code() -> list[str]:
    return [
        digest_file(path)
        for part in CODE
        for path in sorted((PROJECT / part).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _draw(reference: Path, wanted: list[str], folder: Path) -> None:
    study = load_study()
    results = restore_results(reference, study.designs)
    provenance = make_provenance(results)
    for illustration in list_illustrations(study):
        if illustration.name not in wanted or not len(illustration.tabulate(results)):
            continue
        for path in save_figure(illustration.draw(results, provenance), folder / illustration.name):
            if path.suffix != ".svg":
                path.unlink()


def restore_results(folder: Path, designs: Sequence[Design]) -> Results:
    """The reference in ``folder`` as results: the plan that ``designs`` give of its tier, with the
    tables that were committed; runs that the reference has not are absent, and nothing has a key.
    """
    head = load_reference(folder).head
    stored = take_reference(folder)
    plan = make_plan(head.tier, designs, head.products)
    return Results(
        plan=plan,
        runs=stored.runs.drop("experiment").with_columns(key=pl.col("digest")),
        latencies=pl.DataFrame(),
        digest=head.results,
        origins=stored.origins,
        courses=read_table(folder / "courses.csv", COURSE_SCHEMA),
        ledgers=stored.ledgers,
        peaks=restore_brackets(plan, read_table(folder / PEAKS, BRACKET_SCHEMA)),
    )
