# SPDX-License-Identifier: MIT
"""The report: one self-contained HTML page, and the verdict table for the terminal."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from artifact.judge.reference import Comparison, find_agreement
from artifact.judge.results import Results, count_outcomes
from artifact.judge.verdicts import Judgement
from artifact.report.explorer import NAME as EXPLORER
from artifact.report.explorer import make_environment
from artifact.report.illustration import Illustration
from artifact.statistics.estimates import describe_interval
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import Verdict
from artifact.study.loading import Study
from artifact.study.metrics import find_metric
from ground.files import write_atomically
from testbed.experiment import Experiment
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import load_platform
from testbed.loads.command_line import format_load

COLOURS = {
    Verdict.REPRODUCED: "bold green",
    Verdict.DIRECTION: "bold yellow",
    Verdict.INCONCLUSIVE: "bold",
    Verdict.CONTRADICTED: "bold red",
    Verdict.NOT_JUDGED: "dim",
}
# What a reader looks for first comes first: sections by the first part of a claim's id.
SECTIONS = {
    "stingy": "Stingy against stock TUX",
    "tux": "Stock TUX under rising concurrency",
    "footnote3": "Other servers",
    "control": "Controls",
    "mutants": "Mutants: spoiled variants that must fail",
    "backlog": "Stock TUX with the backlogs of its time",
    "bottleneck": "Which resource is full first",
}
TITLE = "Minimizing cache misses in an event-driven network server: reproduction"


def format_number(value: object) -> str:
    """A number with the digits that matter; None as a dash, text as it is."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def format_estimate(judgement: Judgement) -> str:
    """Ratio and interval, as far as there are any; of a bound its number alone."""
    interval = describe_interval(judgement.low, judgement.high, format_number)
    if interval and None in (judgement.low, judgement.high):
        return interval
    value = format_number(judgement.value)
    return f"{value} ({interval})" if interval else value


def print_verdicts(judgements: Sequence[Judgement], console: Console) -> None:
    """The verdict table on the terminal: a line a claim, below it a line a server."""
    for claim, group in itertools.groupby(judgements, key=lambda j: j.claim):
        listed = list(group)
        console.print(
            f"[bold]{claim}[/]  {escape(listed[0].measured)}; band {listed[0].band}",
            soft_wrap=True,
        )
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for j in listed:
            interval = describe_interval(j.low, j.high, format_number)
            table.add_row(
                f"  {j.server}",
                f"[{COLOURS[j.verdict]}]{j.verdict}[/]",
                format_number(j.value),
                interval or "no interval",
                f"{j.seeds} seeds",
            )
        console.print(table)
        for j in listed:
            if j.verdict in {Verdict.INCONCLUSIVE, Verdict.CONTRADICTED}:
                console.print(f"  {j.server}: {escape(j.reason)}", soft_wrap=True)


def describe_verdicts(judgements: Sequence[Judgement]) -> str:
    """How many claims got which verdict, in a sentence."""
    counts = {verdict: sum(j.verdict is verdict for j in judgements) for verdict in Verdict}
    parts = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    return f"{len(judgements)} claims (one per server): {', '.join(parts)}."


def write_report(
    results: Results,
    study: Study,
    illustrations: Sequence[Illustration],
    judgements: Sequence[Judgement],
    folder: Path,
    *,
    comparison: Comparison | None = None,
) -> Path:
    """Write ``folder``/report.html, which needs no other file; figures must have been drawn.

    It links to the page of runs (`artifact.report.explorer`) beside it."""
    environment = make_environment()
    environment.globals["number"] = format_number
    template = environment.get_template("report.html")
    figures = _load_figures(results, illustrations, folder)
    plan = results.plan
    verdict_figure = folder / "figures" / "verdicts.svg"
    claims = _describe_claims(study.claims, judgements, figures, plan.tier.value)
    sections = itertools.groupby(claims, key=lambda claim: claim.section)
    geometries = {name for design in study.designs for name in design.geometries}
    platforms = {name for design in study.designs for name in design.platforms}
    page = template.render(
        title=TITLE,
        explorer=EXPLORER,
        tier=plan.tier.value,
        seeds=plan.seeds,
        total=len(plan.keys),
        outcomes=count_outcomes(results),
        digest=results.digest,
        notes=plan.notes,
        summary=describe_verdicts(judgements),
        sections=[(title, list(listed)) for title, listed in sections],
        verdict_image=_embed(verdict_figure) if verdict_figure.is_file() else "",
        claims=claims,
        shown={f.name for claim in claims for f in claim.figures},
        figures=figures,
        problems=_list_problems(results),
        comparison=comparison,
        compared=_list_compared(comparison),
        machines=[load_geometry(name) for name in sorted(geometries)],
        platforms=[load_platform(name) for name in sorted(platforms)],
        products=plan.products,
        run_command=find_run_command(plan.runs[0].experiment) if plan.runs else "",
    )
    path = folder / "report.html"
    write_atomically(path, page.encode())
    return path


def find_run_command(experiment: Experiment) -> str:
    """The command that repeats one run."""
    return (
        f"./invoke testbed.run --server {experiment.server} "
        f"--load '{format_load(experiment.load)}' "
        f"--geometry {experiment.geometry.name} --platform {experiment.platform.name} "
        f"--seed {experiment.seed}"
    )


def _embed(path: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()


@dataclass(frozen=True)
class ShownFigure:
    """A figure as the page shows it: embedded image, its table, the command that repeats it."""

    name: str
    design: str
    metrics: tuple[str, ...]
    caption: str
    command: str
    image: str
    columns: list[str]
    rows: list[tuple[object, ...]]


def _load_figures(
    results: Results, illustrations: Sequence[Illustration], folder: Path
) -> list[ShownFigure]:
    tier = results.plan.tier.value
    found = []
    for illustration in sorted(illustrations, key=_rank_figure):
        path = folder / "figures" / f"{illustration.name}.svg"
        if path.is_file():
            table = illustration.tabulate(results)
            found.append(
                ShownFigure(
                    illustration.name,
                    illustration.design,
                    illustration.metrics,
                    illustration.caption,
                    illustration.command
                    or f"./invoke reproduce --tier {tier} --only {illustration.design}",
                    _embed(path),
                    table.columns,
                    table.rows(),
                )
            )
    return found


def _rank_figure(illustration: Illustration) -> tuple[bool, str]:
    """The paper's figures come first, by number."""
    return not illustration.name.startswith("figure"), illustration.name


@dataclass(frozen=True)
class ShownClaim:
    """A claim as the page shows it, with its verdicts, figures and the command to repeat it.

    ``earlier`` are those of its figures that a claim before it shows."""

    id: str
    section: str
    statement: str
    location: str
    measured: str
    definition: str
    band: str
    band_reason: str
    judgements: list[Judgement]
    figures: list[ShownFigure]
    earlier: list[ShownFigure]
    command: str


def _describe_claims(
    claims: Sequence[AnyClaim],
    judgements: Sequence[Judgement],
    figures: Sequence[ShownFigure],
    tier: str,
) -> list[ShownClaim]:
    """Claims by section, in the order of the file within one; a figure belongs to the first claim
    that rests on it."""
    order = [*SECTIONS.values()]

    def rank(claim: AnyClaim) -> int:
        section = find_section(claim.id)
        return order.index(section) if section in order else len(order)

    found: list[ShownClaim] = []
    seen: set[str] = set()
    for claim in sorted(claims, key=rank):
        found.append(_describe_claim(claim, judgements, figures, tier, seen))
        seen |= {figure.name for figure in found[-1].figures}
    return found


def find_section(claim: str) -> str:
    """The heading under which the claim with this id stands."""
    kind = claim.partition(".")[0]
    return SECTIONS.get(kind, kind)


def _describe_claim(
    claim: AnyClaim,
    judgements: Sequence[Judgement],
    figures: Sequence[ShownFigure],
    tier: str,
    seen: set[str],
) -> ShownClaim:
    mine = [f for f in figures if f.design == claim.design and claim.metric in f.metrics]
    return ShownClaim(
        id=claim.id,
        section=find_section(claim.id),
        statement=claim.statement,
        location=claim.location,
        measured=claim.describe_measure(),
        definition=find_metric(claim.metric).definition,
        band=claim.describe_band(),
        band_reason=claim.band_reason,
        judgements=[j for j in judgements if j.claim == claim.id],
        figures=[figure for figure in mine if figure.name not in seen],
        earlier=[figure for figure in mine if figure.name in seen],
        command=f"./invoke reproduce --tier {tier} --only {claim.design}",
    )


def _list_compared(comparison: Comparison | None) -> list[tuple[Judgement, Judgement, str]]:
    """Each verdict here and in the reference, and how they agree."""
    pairs = comparison.verdicts if comparison else ()
    return [(mine, other, find_agreement(mine, other).value) for mine, other in pairs if other]


def _list_problems(results: Results) -> list[dict[str, str]]:
    labels = {run.key: run.label for run in results.plan.runs}
    return [
        {"label": labels[key], "outcome": outcome, "zone": zone, "reasons": reasons}
        for key, outcome, zone, reasons in results.runs.filter(
            results.runs["outcome"] != "measured"
        )
        .select("key", "outcome", "zone", "reasons")
        .iter_rows()
    ]
