# SPDX-License-Identifier: MIT
"""What prose may not do: state a number, or a direction, that nothing holds against the results.

The sources in ``paper/text`` are read as Typst markup: comments, labels, references and calls with
their arguments are no prose, content in square brackets is.  In prose a digit is refused unless it
belongs to a term of ``paper/terms.toml``; a percent sign always is; and a word of direction is
refused outside of `claim` (which asserts it), `reported` (what others say) and `design` (what holds
by construction).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ground.documents import Strict, load_document
from ground.errors import UsageError

TERMS: Final = "terms.toml"
# Calls whose content may have words of direction.
ASSERTED: Final = frozenset({"claim", "reported", "design"})
# Calls whose arguments are names, not text, and may have digits.
BINDERS: Final = frozenset(
    {"claim", "n", "ci", "gain", "change", "share", "word", "orig", "fact", "artwork", "verdicts"}
)
DIRECTION: Final = re.compile(
    r"\b(rais(?:e|es|ed|ing)|lower(?:s|ed)|gain(?:s|ed)|los(?:e|es|t)|rises?|rose|falls?|fell"
    r"|improv(?:e|es|ed)|worsen(?:s|ed)?|no worse|outperform(?:s|ed)?|degrad(?:e|es|ed)"
    r"|doubl(?:e|es|ed)|halv(?:e|es|ed)|recover(?:s|ed)?|collaps(?:e|es|ed)|vanish(?:es|ed)?"
    r"|faster than|slower than|flat)\b",
    re.IGNORECASE,
)
NUMBER: Final = re.compile(r"\d(?:[\d.,]*\d)?")
AMOUNT: Final = re.compile(r"%|\bper\s?cent\b|\b\w+fold\b", re.IGNORECASE)
MASK: Final = "\0"
CALL: Final = re.compile(r"#([a-z][a-z0-9.-]*)")
SKIPPED: Final = re.compile(
    r"#(?:import|include)[^\n]*|//[^\n]*|/\*.*?\*/|<[a-z][a-z0-9-]*>|@[a-z][a-z0-9-]*", re.DOTALL
)


class Term(Strict):
    """A name with digits in it, as a pattern, and why it is not a measured number."""

    pattern: str
    why: str


class Terms(Strict):
    """The file."""

    term: tuple[Term, ...]


@dataclass(frozen=True)
class Piece:
    """A character of prose: its place in the source and the calls that it is content of."""

    at: int
    char: str
    calls: tuple[str, ...]


@dataclass(frozen=True)
class Complaint:
    """What is wrong with a line of prose."""

    file: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def load_terms(folder: Path) -> tuple[Term, ...]:
    """The terms of ``folder``/terms.toml.  Raises UsageError for a pattern that is none."""
    path = folder / TERMS
    terms = load_document(Terms, path).term
    for term in terms:
        try:
            re.compile(term.pattern)
        except re.error as error:
            raise UsageError(
                f"{path}: {term.pattern}: {error}", hint="correct the pattern"
            ) from None
    return terms


def lint(folder: Path) -> list[Complaint]:
    """All that is wrong with the prose of ``folder``/text."""
    terms = [re.compile(term.pattern) for term in load_terms(folder)]
    found: list[Complaint] = []
    for path in sorted((folder / "text").glob("*.typ")):
        found += lint_source(path.read_text(), f"text/{path.name}", terms)
    return found


def lint_source(source: str, name: str, terms: Iterable[re.Pattern[str]]) -> list[Complaint]:
    """All that is wrong with the prose in ``source``."""
    reader = _Reader(source)
    pieces = list(reader.read_markup(0, (), ""))
    found = [
        (pieces[at].at, problem)
        for at, problem in _find_unbound("".join(piece.char for piece in pieces), pieces, terms)
    ]
    found += [(at, "Typst swallows this semicolon (write ;;)") for at in reader.swallowed]
    return [
        Complaint(name, source.count("\n", 0, at) + 1, problem) for at, problem in sorted(found)
    ]


def _find_unbound(
    text: str, pieces: Sequence[Piece], terms: Iterable[re.Pattern[str]]
) -> Iterator[tuple[int, str]]:
    """Places in ``text``, the characters of ``pieces``, and what is wrong there."""
    for term in terms:
        text = term.sub(lambda match: MASK * len(match[0]), text)
    for match in NUMBER.finditer(text):
        yield match.start(), f"the bare number {match[0]} (write #n, #fact or #orig)"
    for match in AMOUNT.finditer(text):
        yield match.start(), f"the bare amount {match[0]!r} (write #n, #fact or #orig)"
    for match in DIRECTION.finditer(text):
        if not ASSERTED & {*pieces[match.start()].calls}:
            yield (
                match.start(),
                f"nothing asserts {match[0]!r} (write #claim, #reported or #design)",
            )


class _Reader:
    """A reader of markup: yields the characters that are prose, and a space for what is left out.

    ``end`` is where the last reading has stopped, ``swallowed`` the places of semicolons that end
    a call and do not show.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.end = 0
        self.swallowed: list[int] = []

    def read_markup(self, at: int, calls: tuple[str, ...], close: str) -> Iterator[Piece]:
        """Prose from ``at`` up to ``close``."""
        source, depth = self.source, 0
        while at < len(source):
            if source[at] == close and not depth:
                break
            if skipped := SKIPPED.match(source, at):
                yield Piece(at, " ", calls)
                at = skipped.end()
            elif call := CALL.match(source, at):
                yield Piece(at, " ", calls)
                yield from self.read_call(call[1], call.end(), calls)
                at = self.end
            elif source[at] == "\\" and at + 1 < len(source):
                yield Piece(at + 1, source[at + 1], calls)
                at += 2
            else:
                depth += (source[at] == "[") - (source[at] == "]")
                yield Piece(at, source[at], calls)
                at += 1
        self.end = at + 1

    def read_call(self, name: str, at: int, calls: tuple[str, ...]) -> Iterator[Piece]:
        """Content of a call whose name ends at ``at``: its arguments, then trailing blocks."""
        inside = (*calls, name)
        while at < len(self.source) and self.source[at] in "([":
            if self.source[at] == "[":
                yield from self.read_markup(at + 1, inside, "]")
            else:
                yield from self.read_arguments(at + 1, inside)
            at = self.end
        if self.source[at : at + 1] == ";":
            if self.source[at : at + 2] != ";;":
                self.swallowed.append(at)
            at += 1
        self.end = at

    def read_arguments(self, at: int, calls: tuple[str, ...]) -> Iterator[Piece]:
        """Content blocks among arguments; strings too, unless they are names."""
        source, depth = self.source, 0
        while at < len(source) and (source[at] != ")" or depth):
            if source[at] == '"':
                end = at + 1
                while end < len(source) and source[end] != '"':
                    end += 2 if source[end] == "\\" else 1
                if calls[-1] not in BINDERS:
                    yield from (Piece(i, source[i], calls) for i in range(at + 1, end))
                at = end + 1
            elif source[at] == "[":
                yield from self.read_markup(at + 1, calls, "]")
                at = self.end
            else:
                depth += (source[at] == "(") - (source[at] == ")")
                if source[at].isdigit() and calls[-1] not in BINDERS:
                    yield Piece(at, source[at], calls)
                at += 1
        yield Piece(min(at, len(source) - 1), " ", calls)
        self.end = at + 1
