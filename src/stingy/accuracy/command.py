# SPDX-License-Identifier: MIT
"""The accuracy and speed of memwalk, on the snippets and servers that have ground truth."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ground import process
from ground.documents import read_toml
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import write_atomically
from ground.terminal import complete_step
from stingy.accuracy.comparison import Category, Score, Scores, compare, sum_scores
from stingy.accuracy.truth import Case, dump_toml, find_server, find_snippets, load_truth
from stingy.model.results import Memwalk

Analyse = Callable[[Path], Memwalk]

SERVER_PRECISION = 0.95
GALLERY_PRECISION = 0.85  # of servers that were not written for these tools
# Where something missed would make the result unsafe; for exclusions a false claim would.
SAFE_RECALL = (Category.EDGES, Category.OBJECTS, Category.SITES, Category.LIVE, Category.MOST)
SAFE_PRECISION = (Category.EXCLUSIONS, Category.HELD)
PRECISE = (Category.EDGES, Category.OBJECTS, Category.LIVE)


@dataclass(frozen=True)
class Group:
    """Cases that are summed: the corpus, or one server, perhaps of the gallery."""

    name: str
    cases: tuple[Case, ...]
    is_server: bool
    is_gallery: bool = False

    @property
    def precision(self) -> float:
        """What it promises, if it is a server."""
        return GALLERY_PRECISION if self.is_gallery else SERVER_PRECISION


@dataclass(frozen=True)
class Speed:
    """Host seconds of the whole command, as a user waits for it."""

    fresh_s: float
    one_file_s: float
    files: int


def find_groups(tests: Path, scratch: Path) -> list[Group]:
    """The corpus and every server with ground truth whose sources are there."""
    stingy = tests / "stingy"
    snippets = find_snippets(stingy / "corpus", stingy / "defaults", scratch)
    folders = [
        *sorted(p.parent for p in (tests.parent / "examples").glob("*/truth.toml")),
        stingy / "tux",
    ]
    servers = [find_server(folder) for folder in folders]
    present = [case for case in servers if find_root(case.annotations).is_dir()]
    return [
        Group("corpus", tuple(snippets), is_server=False),
        *(Group(case.name, (case,), is_server=True) for case in present),
        *find_gallery(tests),
    ]


def find_gallery(tests: Path) -> list[Group]:
    """The servers of the gallery that have ground truth, once `./invoke gallery` has built them."""
    annotations = tests.parent / "experiments" / "annotations"
    cases = [
        Case(path.stem, annotations / path.name, load_truth(path))
        for path in sorted((tests / "stingy" / "gallery").glob("*.toml"))
    ]
    return [
        Group(case.name, (case,), is_server=True, is_gallery=True)
        for case in cases
        if find_root(case.annotations).is_dir()
    ]


def find_root(annotations: Path) -> Path:
    """Where the sources are that an annotation file speaks of."""
    root = str(read_toml(annotations)["server"].get("root", "."))
    return (annotations.parent / root).resolve()


def measure_accuracy(groups: Iterable[Group], analyse: Analyse) -> dict[str, Scores]:
    """Scores by group; names of what is wrong begin with the case."""
    return {
        group.name: sum_scores(_judge(case, analyse) for case in group.cases) for group in groups
    }


def _judge(case: Case, analyse: Analyse) -> Scores:
    try:
        result = analyse(case.annotations)
    except UsageError as error:
        if not case.truth.refused:
            raise
        # Nothing is left of the server: the refusal is the whole answer, and must name the file.
        named = f"{case.name}.c" in error.message
        return {Category.UNITS: Score(int(named), [] if named else [f"{case.name}: refused"])}

    def name(texts: list[str]) -> list[str]:
        return [f"{case.name}: {text}" for text in texts]

    return {
        category: Score(score.found, name(score.missed), name(score.extra))
        for category, score in compare(case.truth, result).items()
    }


def find_failures(groups: Iterable[Group], scores: Mapping[str, Scores]) -> list[str]:
    """What breaks the promises: something missed, a false exclusion, an imprecise server."""
    failures = []
    for group in groups:
        of = scores[group.name]
        failures += [f"missed: {c}: {text}" for c in SAFE_RECALL for text in of[c].missed]
        failures += [f"false: {c}: {text}" for c in SAFE_PRECISION for text in of[c].extra]
        failures += [
            f"{group.name}: precision of {c} is {of[c].precision:.1%}"
            for c in PRECISE
            if group.is_server and of[c].precision < group.precision
        ]
    return failures


def measure_speed(annotations: Path) -> Speed:
    """Time memwalk on a copy: with an empty cache, and again after its largest file has changed."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        root = scratch / "server"
        shutil.copytree(find_root(annotations), root)
        document = read_toml(annotations)
        document["server"]["root"] = str(root)
        copy = root / "annotations.toml"
        write_atomically(copy, dump_toml(document).encode())
        fresh_s = _time_memwalk(copy, scratch)
        sources = sorted(root.glob("*.c"), key=lambda path: (path.stat().st_size, path.name))
        with sources[-1].open("a") as stream:
            stream.write("\n/* changed */\n")
        return Speed(fresh_s, _time_memwalk(copy, scratch), len(sources))


def _time_memwalk(annotations: Path, scratch: Path) -> float:
    program = process.find_own_program("memwalk")
    environment = {"ARTIFACT_CACHE": str(scratch / "cache")}
    start = time.monotonic()
    result = process.run(
        [program, annotations, "--out", scratch / "out"], env=environment, check=False
    )
    if result.returncode not in {ExitCode.HOLDS, ExitCode.DOES_NOT_HOLD}:
        raise ArtifactError(process.describe_failure([str(program), str(annotations)], result))
    return time.monotonic() - start


def run_accuracy(
    tests: Path, analyse: Analyse, *, only: str = "", speed: bool = True, as_json: bool = False
) -> ExitCode:
    """Measure, print the tables and what is wrong; the exit code says whether all promises hold."""
    with tempfile.TemporaryDirectory() as scratch:
        groups = find_groups(tests, Path(scratch))
        chosen = [group for group in groups if only in ("", group.name)]
        if not chosen:
            names = ", ".join(group.name for group in groups)
            raise UsageError(f"no ground truth is called {only!r}", hint=f"one of: {names}")
        with complete_step("Comparing memwalk with ground truth"):
            scores = measure_accuracy(chosen, analyse)
        times = {}
        if speed:
            with complete_step("Timing memwalk"):
                times = {
                    group.name: measure_speed(group.cases[0].annotations)
                    for group in chosen
                    if group.is_server and not group.is_gallery  # docs/gallery.md has their times
                }
    failures = find_failures(chosen, scores)
    if as_json:
        print(json.dumps(_describe(scores, times, failures), indent=2))
    else:
        _show(scores, times)
    for failure in failures if not as_json else ():
        Console(stderr=True).print(f"[red]{failure}[/]", soft_wrap=True)
    return ExitCode.DOES_NOT_HOLD if failures else ExitCode.HOLDS


def _describe(
    scores: Mapping[str, Scores], times: Mapping[str, Speed], failures: list[str]
) -> dict[str, object]:
    return {
        "accuracy": {
            name: {
                category.value: {
                    "recall": score.recall,
                    "precision": score.precision,
                    "found": score.found,
                    "missed": score.missed,
                    "extra": score.extra,
                }
                for category, score in of.items()
            }
            for name, of in scores.items()
        },
        "speed": {name: vars(speed) for name, speed in times.items()},
        "failures": failures,
    }


def _show(scores: Mapping[str, Scores], times: Mapping[str, Speed]) -> None:
    table = Table(title="recall / precision (number that is true)", title_justify="left")
    table.add_column("")
    for name in scores:
        table.add_column(name, justify="right")
    for category in Category:
        row = [scores[name][category] for name in scores]
        table.add_row(category.value, *(_format(score) for score in row))
    console = Console()
    console.print(table)
    for name, of in scores.items():
        for category, score in of.items():
            for text in score.missed:
                console.print(f"{name}: {category.value}: missed: {text}", markup=False)
            for text in score.extra:
                console.print(f"{name}: {category.value}: extra: {text}", markup=False)
    for name, speed in times.items():
        console.print(
            f"{name}: {speed.files} files from nothing in {speed.fresh_s:.1f} s, "
            f"after a change of the largest in {speed.one_file_s:.1f} s",
            markup=False,
        )


def _format(score: Score) -> str:
    total = score.found + len(score.missed)
    if not total and not score.extra:
        return "-"
    return f"{score.recall:.1%} / {score.precision:.1%} ({total})"
