# SPDX-License-Identifier: MIT
"""The paper and all that comes with it: PDF, numbers as JSON and LaTeX, what has moved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artifact.judge.results import Results
from artifact.judge.verdicts import Judgement
from artifact.paper.bindings import Problem
from artifact.paper.difference import describe_changes, find_changes, write_difference
from artifact.paper.numbers import NAME, Numbers, collect_numbers, load_numbers
from artifact.paper.quantities import load_quantities
from artifact.paper.stored import Stored, take_results
from artifact.paper.typesetting import FOLDER, typeset
from artifact.paper.wording import write_macros
from ground.files import write_atomically

PDF: Final = "paper.pdf"
DRAFT: Final = "draft.pdf"
MACROS: Final = "numbers.tex"
ARTWORK: Final = re.compile(r'#artwork\("([a-z0-9-]+)"')
DIFFERENCE: Final = "difference.md"


@dataclass(frozen=True)
class Production:
    """The files that were written, the PDF first, and what is wrong with it if it is a draft."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    numbers: Numbers

    @property
    def pdf(self) -> Path:
        """The paper, or the draft."""
        return self.files[0]

    def describe(self) -> str:
        """In a line or two."""
        if self.numbers.synthetic:
            return f"draft of the paper, on synthetic data: {self.pdf}"
        if not self.problems:
            return f"paper: {self.pdf}"
        missing = sum(problem.missing for problem in self.problems)
        wrong = len(self.problems) - missing
        return (
            f"draft of the paper: {self.pdf} ({missing} values are missing, {wrong} sentences "
            "disagree with the results; its last page lists them)"
        )


def list_figures(source: Path = FOLDER) -> list[str]:
    """The figures that the document in ``source`` uses, read off its text."""
    texts = (path.read_text() for path in sorted((source / "text").glob("*.typ")))
    return [name for text in texts for name in ARTWORK.findall(text)]


def read_numbers(stored: Stored) -> Numbers:
    """The paper's numbers from ``stored``."""
    return collect_numbers(stored, load_quantities(FOLDER))


def produce(numbers: Numbers, figures: Path, folder: Path, *, draft: bool) -> Production:
    """Write the paper on ``numbers``, with the drawn ``figures``, into ``folder``.

    A paper that is not borne out is a `RefusedError`, or with ``draft`` a draft; the numbers are
    written in any case.  A PDF of an earlier time does not survive.
    """
    known = load_numbers(FOLDER / NAME) if (FOLDER / NAME).is_file() else None
    beside = [folder / name for name in (NAME, MACROS, DIFFERENCE)]
    numbers.write(beside[0])
    write_atomically(beside[1], write_macros(numbers).encode())
    write_atomically(beside[2], write_difference(numbers, known).encode())
    for name in (PDF, DRAFT):
        (folder / name).unlink(missing_ok=True)
    made = typeset(numbers, figures, draft=draft)
    unfit = made.problems or numbers.synthetic
    path = folder / (DRAFT if unfit else PDF)
    write_atomically(path, made.pdf)
    return Production((path, *beside), made.problems, numbers)


def produce_own(results: Results, judgements: Sequence[Judgement], folder: Path) -> Production:
    """The paper on a tier that was run here, whose figures are in ``folder``/figures; a draft
    where the tier does not give all that the paper says."""
    numbers = read_numbers(take_results(results, judgements))
    return produce(numbers, folder / "figures", folder, draft=True)


def describe_moves(numbers: Numbers) -> str:
    """How ``numbers`` have moved since those that were committed last; empty if there are none."""
    if not (FOLDER / NAME).is_file():
        return ""
    known = load_numbers(FOLDER / NAME)
    return f"since {known.results[:12]}: {describe_changes(find_changes(known, numbers))}"
