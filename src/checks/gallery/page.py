# SPDX-License-Identifier: MIT
"""docs/gallery.md, from what was found of each server."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import jinja2

from checks.gallery.servers import JUDGED, Analysis, Found, Rewriting, Server
from ground.paths import PROJECT

PAGE = PROJECT / "docs" / "gallery.md"
TEMPLATE = Path(__file__).with_name("gallery.md.j2")
WIDTH = 120
MOST_SHOWN = 12  # refused objects of one server


def render(servers: Mapping[str, Server], results: Mapping[str, Found]) -> str:
    """The page, in the order of the file of servers; without results only what is asked for."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {
        "outcome": describe_outcome,
        "reasons": group_reasons,
        "rewriting": describe_rewriting,
        "shares": describe_shares,
        "wrapped": wrap,
    }
    known = {name: results[name] for name in servers if name in results}
    template = environment.from_string(TEMPLATE.read_text())
    return template.render(servers=servers, results=known, judged=JUDGED)


def wrap(text: str) -> str:
    """Prose at the width of the documents."""
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        " ".join(text.split()), WIDTH, subsequent_indent=indent, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def describe_rewriting(one: Rewriting) -> str:
    """What was rewritten, and whether the server's own build takes it."""
    names = ", ".join(f"`{name}`" for name in one.rewritten) or "nothing"
    own = "the server's own build system"
    built: dict[bool | None, str] = {
        True: f"; {own} builds the copy",
        False: f"; {own} does **not** build the copy",
    }
    room = f"; {one.requests} requests fit the cache slab" if one.rewritten else ""
    return f"Rewritten: {names}{built.get(one.builds, '')}{room}."


def describe_shares(shares: tuple[float, float]) -> str:
    """Recall and precision in percent."""
    return " / ".join(f"{share:.1%}".removesuffix("%") for share in shares)


def describe_outcome(one: Analysis) -> str:
    """In a few words: did it end, and how exact is it."""
    if one.problem:
        return "failed"
    if one.partial:
        return "interrupted"
    words = f"merged at {one.merged}" if one.merged else "exact"
    return f"{words}; {len(one.refused_files)} files refused" if one.refused_files else words


def group_reasons(one: Analysis) -> list[tuple[str, str]]:
    """(reason, objects) of what was refused, the most frequent reason first; places left out."""
    if one.rewriting is None:
        return []
    groups: dict[str, list[str]] = {}
    for name, reason in sorted(one.rewriting.refused.items()):
        groups.setdefault(_without_place(reason), []).append(name)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(reason, _list(names)) for reason, names in ordered]


def _without_place(reason: str) -> str:
    head, separator, rest = reason.partition(": ")
    is_place = bool(separator) and head.rpartition(":")[2].isdigit()
    return rest if is_place else reason


def _list(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:MOST_SHOWN])
    more = len(names) - MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
