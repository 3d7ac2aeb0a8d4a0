# SPDX-License-Identifier: MIT
"""From numbers and figures to a PDF, by Typst: the same bytes for the same input, anywhere.

The document is read twice.  First it says which numbers and figures it uses and what its sentences
assert of them; these are held against the results.  Only then is the PDF made: the paper itself if
all of it is borne out, else, and only on demand, a draft with a watermark and a list of what is
missing or wrong.
"""

from __future__ import annotations

import datetime
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typst

from artifact.paper.bindings import Problem, Use, check_uses
from artifact.paper.facts import load_facts, load_originals
from artifact.paper.numbers import Numbers, State
from artifact.paper.prose import lint
from artifact.paper.wording import write_number, write_plain
from artifact.report.citation import read_citation
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import canonical_json, write_atomically
from ground.paths import PROJECT

FOLDER: Final = PROJECT / "paper"
MAIN: Final = "main.typ"
DATA: Final = "data.json"
FIGURES: Final = "figures"
STANDARDS: Final[list[typst.PDFStandard]] = ["a-2a", "ua-1"]
SHOWN: Final = 60


class RefusedError(ArtifactError):
    """The paper says what the results do not; ``problems`` are all of it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        missing = sum(problem.missing for problem in problems)
        lines = "\n".join(f"  {problem}" for problem in problems[:SHOWN])
        more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        super().__init__(
            f"{missing} values are missing and {len(problems) - missing} sentences disagree with "
            f"the results:\n{lines}{more}",
            hint="measure what is missing (./invoke reproduce --tier full), correct the sentences "
            "in paper/text, or make a draft that is marked as one: ./invoke paper --draft",
            code=ExitCode.DOES_NOT_HOLD,
        )
        self.problems = tuple(problems)


@dataclass(frozen=True)
class TypesetPaper:
    """A PDF; ``problems`` are those that a draft lists, none in the paper itself."""

    pdf: bytes
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Survey:
    """What the document uses: sentences with their numbers, and figures by name."""

    uses: tuple[Use, ...]
    figures: tuple[str, ...]


class Typesetter:
    """A folder with sources and data, in which the document is compiled; a context manager.

    Raises UsageError if the prose has bare numbers or assertions (`artifact.paper.prose`).
    """

    def __init__(self, numbers: Numbers, source: Path = FOLDER) -> None:
        if complaints := lint(source):
            raise UsageError(
                "the prose has what no result stands behind:\n"
                + "\n".join(f"  {complaint}" for complaint in complaints[:SHOWN]),
                hint=f"bind it to a number by name, or make it a term ({source / 'terms.toml'})",
            )
        self.numbers = numbers
        self.source = source
        self._owner = tempfile.TemporaryDirectory(prefix="paper.")
        self.stage = Path(self._owner.name)

    def __enter__(self) -> Typesetter:
        for name in ("*.typ", "text/*.typ", "*.bib"):
            for path in self.source.glob(name):
                target = self.stage / path.relative_to(self.source)
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, target)
        return self

    def __exit__(self, *_: object) -> None:
        self._owner.cleanup()

    def survey(self) -> Survey:
        """What the document uses."""
        compiler = self._prepare("survey", ())
        try:
            uses = json.loads(compiler.query("<use>", field="value"))
            figures = json.loads(compiler.query("<artwork>", field="value"))
        except RuntimeError as error:  # a query has no TypstError
            raise _explain(error) from None
        return Survey(tuple(_list_uses(uses)), tuple(dict.fromkeys(figures)))

    def find_problems(self, survey: Survey, figures: Path) -> list[Problem]:
        """What of ``survey`` neither the numbers nor the SVG files in ``figures`` bear."""
        lost = [
            Problem(f"figure {name}", "is not drawn from these results", "a figure", missing=True)
            for name in survey.figures
            if not (figures / f"{name}.svg").is_file()
        ]
        return [*check_uses(survey.uses, self.numbers.numbers), *lost]

    def compile(self, figures: Path, names: Iterable[str], problems: Sequence[Problem]) -> bytes:
        """The PDF: a draft if there are ``problems``, or if the numbers are synthetic."""
        (self.stage / FIGURES).mkdir(exist_ok=True)
        drawn = [name for name in names if (figures / f"{name}.svg").is_file()]
        for name in drawn:
            shutil.copyfile(figures / f"{name}.svg", self.stage / FIGURES / f"{name}.svg")
        draft = bool(problems) or self.numbers.synthetic
        compiler = self._prepare("draft" if draft else "final", problems, drawn)
        released = read_citation().date_released
        date = datetime.datetime.combine(released, datetime.time(), tzinfo=datetime.UTC)
        try:
            pdf, warnings = compiler.compile_with_warnings(
                format="pdf", pdf_standards=STANDARDS, timestamp=int(date.timestamp())
            )
        except typst.TypstError as error:
            raise _explain(error) from None
        placed = [] if draft else json.loads(compiler.query("<placed>", field="value"))
        if clash := find_clash(placed):
            raise ArtifactError(
                f"in the paper the figure {clash[0]} runs over {clash[1]}",
                hint="make it inline, or put it elsewhere in the text",
            )
        if warnings:
            raise ArtifactError(
                f"Typst warns of {warnings[0].message}: {warnings[0].diagnostic.strip()}",
                hint="a warning is an error here: an unknown font changes the whole paper",
            )
        assert isinstance(pdf, bytes)
        return pdf

    def _prepare(
        self, mode: str, problems: Sequence[Problem], figures: Sequence[str] = ()
    ) -> typst.Compiler:
        data = make_data(self.numbers, self.source, mode, problems, figures)
        write_atomically(self.stage / DATA, canonical_json(data))
        return typst.Compiler(
            self.stage / MAIN,
            root=self.stage,
            ignore_system_fonts=True,
            package_path=self.stage / "packages",  # none: whatever is not here is an error
            package_cache_path=self.stage / "packages",
        )


def typeset(numbers: Numbers, figures: Path, *, draft: bool, source: Path = FOLDER) -> TypesetPaper:
    """The paper on ``numbers`` with the SVG files in ``figures``.

    Raises RefusedError if it says more than they bear and no ``draft`` will do.  Synthetic numbers
    never make more than a draft.
    """
    with Typesetter(numbers, source) as setter:
        survey = setter.survey()
        problems = setter.find_problems(survey, figures)
        if problems and not draft:
            raise RefusedError(problems)
        pdf = setter.compile(figures, survey.figures, problems)
    return TypesetPaper(pdf, tuple(problems))


def _list_uses(found: Iterable[dict[str, str]]) -> Iterable[Use]:
    """Uses as the document tells them.  A number that is printed in a sentence is told twice, by
    itself and by the sentence: the sentence says more."""
    uses = [Use(u["name"], tuple(u["says"].split()), " ".join(u["text"].split())) for u in found]
    told = {use.name for use in uses if use.text}
    return [use for use in uses if use.text or use.name not in told]


def make_data(
    numbers: Numbers,
    source: Path,
    mode: str,
    problems: Sequence[Problem],
    figures: Sequence[str],
) -> dict[str, Any]:
    """What the document gets: ``mode`` is survey, draft or final."""
    known = {
        name: {"state": number.state.value, **write_number(number)}
        for name, number in numbers.numbers.items()
    }
    citation = read_citation()
    return {
        "mode": mode,
        "synthetic": numbers.synthetic,
        "tier": numbers.tier,
        "commit": numbers.commit[:12],
        "results": numbers.results[:16],
        "date": citation.date_released.isoformat(),
        "version": citation.version,
        "numbers": known,
        "verdicts": _describe_verdicts(numbers),
        "originals": {n: o.model_dump() for n, o in load_originals(source).items()},
        "facts": load_facts(source),
        "figures": list(figures),
        "missing": sorted(_list_absent(numbers, problems)),
        "broken": [
            {"name": p.name, "why": p.why, "text": p.text} for p in problems if not p.missing
        ],
    }


def _describe_verdicts(numbers: Numbers) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "statement": number.statement,
            "location": number.location,
            "measured": number.measured,
            "band": number.band,
            "original": "" if number.original is None else write_plain(number.original),
            "seeds": str(number.seeds),
        }
        for name, number in numbers.verdicts.items()
    ]


def find_clash(placed: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """A figure and what it runs over: another figure, or the end of its page.

    Places and sizes are in points; ``floor`` is where a page's text ends.
    """
    for figure in placed:
        if figure["y"] + figure["height"] > figure["floor"] + 1:
            return figure["name"], f"the end of page {figure['page']}"
    for one, other in itertools.combinations(placed, 2):
        apart = any(
            one[at] + one[size] <= other[at] + 1 or other[at] + other[size] <= one[at] + 1
            for at, size in (("x", "width"), ("y", "height"))
        )
        if one["page"] == other["page"] and not apart:
            return one["name"], other["name"]
    return None


def _list_absent(numbers: Numbers, problems: Iterable[Problem]) -> set[str]:
    """Names of what is missing; a number that is synthetic is there, and the draft says so."""
    return {
        problem.name
        for problem in problems
        if problem.missing
        and not ((number := numbers.numbers.get(problem.name)) and number.state is State.SYNTHETIC)
    }


def _explain(error: RuntimeError) -> ArtifactError:
    """Typst's own error, with its place where it tells it."""
    if not isinstance(error, typst.TypstError):
        return ArtifactError(
            f"the paper does not compile: {error}", hint="correct the source in paper/"
        )
    return ArtifactError(
        f"the paper does not compile: {error.message}\n{error.diagnostic.strip()}",
        hint="; ".join(error.hints) or "correct the source in paper/",
    )
