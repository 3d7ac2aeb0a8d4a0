# SPDX-License-Identifier: MIT
"""Sites and objects of a rewriting: before, after, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import Field

from ground.documents import Strict

Action = Literal["allocate", "free"]
TOO_MUCH = "(size_t)-1"  # bytes that nobody has


class Status(StrEnum):
    """What becomes of a site."""

    REWRITTEN = "rewritten"
    KEPT = "kept"  # what it calls is rewritten instead, or nothing calls it any more
    REFUSED = "refused"
    ALREADY = "already"  # a Stingy call stands there


class SiteDecision(Strict):
    """One site of one object, before and after, and the reason.

    ``verb`` is the Stingy function to call; ``arguments`` are the positions of those arguments of
    the old call that the new one takes, ``arity`` how many the old one had.  ``checked``: the
    callee ends the server where memory is short, and goes on to do so.
    """

    file: str
    line: int
    column: int
    function: str
    object: str
    action: Action
    callee: str
    before: str
    after: str = ""
    status: Status
    reason: str
    verb: str = ""
    arguments: tuple[int, ...] = ()
    arity: int = 0
    checked: bool = Field(default=False, exclude_if=lambda is_so: not is_so)


class ObjectDecision(Strict):
    """One object: rewritten, or refused with the reason; ``recycling`` are the functions whose
    free list Stingy's pool replaces."""

    object: str
    type: str
    constant: str
    status: Status
    reason: str = ""
    recycling: tuple[str, ...] = ()


@dataclass(slots=True)
class Rewriting:
    """All decisions."""

    objects: list[ObjectDecision] = field(default_factory=list)
    sites: list[SiteDecision] = field(default_factory=list)

    def chosen(self) -> list[SiteDecision]:
        """The sites to rewrite."""
        return [s for s in self.sites if s.status is Status.REWRITTEN]


def spell_after(site: SiteDecision, constant: str) -> str:
    """The call that replaces a site, or the site itself."""
    if site.status is not Status.REWRITTEN:
        return site.before
    return spell_call(site, constant, split_arguments(site.before))


def spell_call(site: SiteDecision, constant: str, given: list[str]) -> str:
    """The new call, where the old one was given these arguments."""
    new = f"{site.verb}({', '.join([constant, *(given[n] for n in site.arguments)])})"
    return f"({new} ?: {_spell_end(site)})" if site.checked else new


def _spell_end(site: SiteDecision) -> str:
    """A call that asks for more than there is, so that the callee ends the server in its way."""
    asked = ["0"] * site.arity
    asked[site.arguments[-1] if site.arguments else 0] = TOO_MUCH
    if len(site.arguments) > 1 and site.verb != "stingy_resize":
        asked[site.arguments[0]] = "1"
    return f"{site.callee}({', '.join(asked)})"


def split_arguments(text: str) -> list[str]:
    """The arguments of a call as written."""
    inner = text[text.index("(") + 1 : text.rindex(")")]
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(inner):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(inner[start:index].strip())
            start = index + 1
    return [*parts, inner[start:].strip()] if inner.strip() else []
