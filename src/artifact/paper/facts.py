# SPDX-License-Identifier: MIT
"""Numbers that are not measured: those of the original paper, and those of this project's inputs.

Neither may be typed into the prose.  ``paper/original.toml`` has the former with the place where
the original states them; ``paper/facts.toml`` has the latter as the place in a file of this
project, so that the prose cannot say another number than the one that was used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Self

from pydantic import model_validator

from ground.documents import Strict, load_document, parse_toml
from ground.errors import UsageError
from ground.paths import PROJECT

ORIGINAL: Final = "original.toml"
FACTS: Final = "facts.toml"
BYTES: Final = re.compile(r"(\d)([KMG]iB)")


class Original(Strict):
    """A number of the original paper as it is printed, and where."""

    text: str
    where: str


class Originals(Strict):
    """The file."""

    original: dict[str, Original]


class Fact(Strict):
    """A number of this project: at ``path`` in the TOML file ``file``, such as ``l2.ways.value``,
    or what the first group of ``pattern`` finds in any other.

    A step ``[KEY=VALUE]`` of a path takes the item of a list that has this; a dot in VALUE is
    written as a slash.  ``scale`` multiplies the number; ``after`` stands behind it.
    """

    file: str
    path: str = ""
    pattern: str = ""
    scale: float = 1
    after: str = ""

    @model_validator(mode="after")
    def check_place(self) -> Self:
        """One of both ways to find it."""
        if bool(self.path) == bool(self.pattern):
            raise ValueError("a fact needs a path or a pattern")
        return self


class Facts(Strict):
    """The file."""

    fact: dict[str, Fact]


def load_originals(folder: Path) -> dict[str, Original]:
    """The original's numbers by name.  Raises UsageError naming file, field and remedy."""
    return load_document(Originals, folder / ORIGINAL).original


def load_facts(folder: Path) -> dict[str, str]:
    """This project's numbers by name, as text.  Raises UsageError if a file has no such place."""
    path = folder / FACTS
    facts = load_document(Facts, path).fact
    sources = {fact.file: (PROJECT / fact.file).read_text() for fact in facts.values()}
    texts = {}
    for name, fact in facts.items():
        try:
            value = find_fact(fact, sources[fact.file])
        except LookupError as error:
            raise UsageError(
                f"{path}: {name}: {fact.file} has no {fact.path or fact.pattern} (at {error})",
                hint="name the place at which the number is now",
            ) from None
        texts[name] = format_fact(value, fact.scale) + fact.after
    return texts


def find_fact(fact: Fact, source: str) -> Any:
    """The value of ``fact`` in ``source``, the text of its file.  Raises LookupError without."""
    if fact.path:
        return find_value(parse_toml(source, Path(fact.file)), fact.path)
    if match := re.search(fact.pattern, source):
        return match[1]
    raise LookupError("the pattern")


def find_value(document: Any, path: str) -> Any:
    """What is at ``path`` in a TOML document.  Raises LookupError with the step that fails."""
    for step in path.split("."):
        try:
            document = _take_step(document, step)
        except (LookupError, TypeError, StopIteration):
            raise LookupError(step) from None
    return document


def _take_step(document: Any, step: str) -> Any:
    if step.startswith("["):
        key, _, wanted = step.strip("[]").partition("=")
        return next(item for item in document if str(item[key]) == wanted.replace("/", "."))
    return document[int(step)] if isinstance(document, list) else document[step]


def format_fact(value: Any, scale: float) -> str:
    """A number with thousands apart; text as it is, with a space before a unit of bytes."""
    if isinstance(value, str):
        return BYTES.sub("\\1\N{NO-BREAK SPACE}\\2", value)
    number = value * scale
    return f"{number:,.0f}" if number == round(number) else f"{number:g}"
