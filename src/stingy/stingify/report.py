# SPDX-License-Identifier: MIT
"""What stingify did: every site before and after, as tables, JSON and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ConfigDict
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ground.documents import Strict
from stingy.stingify.sites import ObjectDecision, SiteDecision, Status

TEMPLATES = Path(__file__).parents[1] / "templates"
COLOURS = {
    Status.REWRITTEN: "green",
    Status.KEPT: "",
    Status.REFUSED: "red",
    Status.ALREADY: "cyan",
}


class RewriteReport(Strict):
    """The whole report.  ``recycling`` are functions whose free list Stingy's pools replace."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="stingify report")

    schema_version: Literal[1] = 1
    server: str
    objects: tuple[ObjectDecision, ...]
    sites: tuple[SiteDecision, ...]
    changed: tuple[str, ...]
    recycling: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def refused(self) -> tuple[ObjectDecision, ...]:
        """Objects that keep their own allocator."""
        return tuple(o for o in self.objects if o.status is Status.REFUSED)


def show_report(report: RewriteReport) -> RenderableType:
    """Objects, sites and notes."""
    objects = Table("object", "type", "status", "why", title=report.server, title_justify="left")
    for item in report.objects:
        status = Text(item.status, style=COLOURS[item.status])
        objects.add_row(item.object, Text(item.type), status, Text(item.reason))
    sites = Table("site", "before", "after", title="allocations and releases", title_justify="left")
    for site in report.sites:
        done = site.status is Status.REWRITTEN
        text = site.after if done else f"{site.status}: {site.reason}"
        after = Text(text, overflow="fold")
        after.stylize(COLOURS[site.status] or "none")
        where = Text(f"{site.file}:{site.line}\n{site.function}", overflow="fold")
        sites.add_row(where, Text(f"{site.before}\n{site.object}", overflow="fold"), after)
    return Group(objects, sites, *(Text(f"note: {n}") for n in report.notes))


def describe(report: RewriteReport) -> Text:
    """The outcome in one sentence."""
    counts = {status: sum(1 for s in report.sites if s.status is status) for status in Status}
    words = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    done = sum(1 for o in report.objects if o.status is not Status.REFUSED)
    return Text(
        f"{done} of {len(report.objects)} objects come from Stingy; sites: {words or 'none'}; "
        f"{len(report.changed)} files changed."
    )


def render_report(report: RewriteReport, diff: str) -> str:
    """The report as an HTML page, the diff included."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True
    )
    template = environment.get_template("stingify.html.j2")
    return template.render(report=report, summary=str(describe(report)), diff=diff)
