# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains: the form, the server for practice, and that memwalk goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labs.grader.bench import Bench
from labs.grader.marks import Case, Mark, full, none
from labs.stages.judging import (
    OWN,
    PRACTICE,
    check_form,
    find_next_release,
    find_server,
    make_cases,
)
from labs.stages.source import write_annotations, write_sources

if TYPE_CHECKING:
    from stingy.model.results import Memwalk

GIVEN = Path(__file__).with_name("given")  # in a hand-out: the student's server
FEWEST_STAGES = 2


def find_sources(name: str, bench: Bench) -> dict[str, str]:
    """The student's server, or its next release."""
    if name == OWN and GIVEN.is_dir():
        return {path.name: path.read_text() for path in sorted(GIVEN.iterdir())}
    find = find_next_release if name != OWN else lambda *which: find_server(OWN, *which)
    return write_sources(find(bench.secret, bench.seed))


def find_result(name: str, bench: Bench) -> Memwalk | str:
    """What memwalk finds by the student's annotations; a text if it cannot."""
    try:
        from labs.stages.walking import AnnotationError, walk  # noqa: PLC0415 - needs packages
    except ImportError as error:
        return f"{error}: memwalk's packages are missing; run ./setup, to its end"
    text = (bench.folder / "annotations.toml").read_text(errors="replace")

    def make() -> Memwalk | str:
        try:
            return walk(text, find_sources(name, bench))
        except AnnotationError as error:
            return str(error)

    return bench.once(f"walk {name}", make)


def check_annotations(bench: Bench) -> Mark:
    """memwalk takes them, and finds stages."""
    result = find_result(OWN, bench)
    if isinstance(result, str):
        return none(f"{result}\npractice/annotations.toml is an example that memwalk takes")
    if len(result.stages) < FEWEST_STAGES:
        return none(
            f"memwalk finds {len(result.stages)} stages: is each function named by which a stage "
            "gives a request its next one?"
        )
    return full(
        f"memwalk finds {len(result.stages)} stages, {len(result.edges)} edges, "
        f"{len(result.objects)} objects; {len(result.unresolved)} places are unresolved"
    )


CASES = [
    Case("form", 2, "graph.toml can be read", check_form),
    *make_cases(
        PRACTICE, {"edges": 5, "live": 4, "bytes": 1, "peak": 2, "impossible": 2}, hidden=False
    ),
    Case("tool.takes", 4, "memwalk takes annotations.toml", check_annotations),
]


def prepare(folder: Path, seed: int, secret: str) -> None:
    """The servers; the student's own depends on the course's secret and the student's seed."""
    practice, own = (find_server(name, secret, seed) for name in (PRACTICE, OWN))
    for name, server in ((PRACTICE, practice), (OWN, own)):
        _write_all(folder / name, write_sources(server))
    (folder / PRACTICE / "annotations.toml").write_text(write_annotations(practice))
    _write_all(folder / ".grader/labs/stages/given", write_sources(own))


def _write_all(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
