# SPDX-License-Identifier: MIT
"""Results to figures: intervals are computed here, figures only draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from artifact.judge.results import Results, find_pairs, summarize
from artifact.judge.verdicts import Judgement
from artifact.report.illustration import Illustration, find_highest_level, tabulate_ratio
from artifact.report.tables.attribution import list_origin_illustrations
from artifact.report.tables.bottleneck import list_bottleneck_illustrations
from artifact.report.tables.figure1 import FIGURE1, make_figure1
from artifact.report.tables.ratios import list_pair_illustrations
from artifact.report.tables.waiting import list_waiting
from artifact.runs.rehearsal import SYNTHETIC
from artifact.runs.symbols import summarize_symbols
from artifact.statistics.estimates import estimate_ratio
from artifact.study.claims import AnyClaim
from artifact.study.designs import Design
from artifact.study.loading import Study
from figures import cycles, forest, misses, plateaus, symbols, throughput
from figures.forest import SCHEMA as FOREST
from figures.style import PAGE_INCHES, Provenance, save_figure
from testbed.loads.chase import find_plateau_cycles

# Wide enough for what the paper speaks of, and a gain of a few percent can be seen in it.
VERDICT_RANGE = (0.18, 5.5)


def make_provenance(results: Results) -> Provenance:
    """The footer of all figures of ``results``."""
    return Provenance(
        tier=results.plan.tier.value,
        seeds=results.plan.seeds,
        digest=results.digest,
        synthetic=SYNTHETIC in results.plan.products,
    )


def list_illustrations(study: Study) -> list[Illustration]:
    """The figures of all designs: plateaus for pointer chases, resources for netperf, origins for
    designs that mark memory, functions for those that are profiled, curves for those with several
    levels and one variant, a table of ratios for those with variants; and where connections wait.
    """
    found: list[Illustration] = []
    for design in study.designs:
        if design.kind.program:
            found.append(_make_plateaus(design))
        elif design.kind.partner:
            found += list_bottleneck_illustrations(design)
        elif design.base.get("instruments.regions"):
            found += list_origin_illustrations(design)
        elif design.base.get("instruments.profile"):
            found.append(_make_symbols(design))
        elif design.reference:
            found += list_pair_illustrations(design, study.claims)
        elif len(design.variant) > 1:
            found.append(_make_ratios(design))
        else:
            curves = _make_curves(design)
            if design.id == FIGURE1:  # the paper's figure has throughput and misses in one
                curves = [make_figure1(design, study.claims), curves[-1]]
            found += curves
        found += list_waiting(design)
    return found


def _make_plateaus(design: Design) -> Illustration:
    return Illustration(
        f"{design.id}-plateaus",
        design.id,
        "Cycles of a load, by the guest's clock, against the memory that a pointer chase walks. "
        "Lines are the latencies and sizes of the geometry files.",
        (),
        lambda r, p: plateaus.draw(tabulate_latencies(r, design), tabulate_plateaus(r, design), p),
        lambda r: tabulate_latencies(r, design),
    )


def _make_symbols(design: Design) -> Illustration:
    def summarize_highest(results: Results) -> pl.DataFrame:
        highest = find_highest_level(results.symbols, design.id)
        return summarize_symbols(results.symbols, design.id, highest)

    return Illustration(
        design.id,
        design.id,
        "L2 misses per request, of loads, stores and fetches, by the function that missed, at the "
        "highest concurrency of the tier; means over seeds. Functions of modules have the "
        "module's name in brackets. All requests of a run count, those of its beginning too.",
        (),
        lambda r, p: symbols.draw(summarize_highest(r), design.servers, p),
        lambda r: r.symbols.filter(design=design.id).drop("design"),
    )


def tabulate_latencies(results: Results, design: Design) -> pl.DataFrame:
    """One row a machine and working set: what a load took there."""
    frame = results.latencies.filter(pl.col("design") == design.id)
    return frame.drop("design").rename({"variant": "geometry"})


def tabulate_plateaus(results: Results, design: Design) -> pl.DataFrame:
    """What the geometry file of each machine of ``design`` says: sizes and latencies."""
    rows = {}
    for run in results.plan.runs:
        if run.design == design.id:
            geometry = run.experiment.geometry
            cycles = find_plateau_cycles(run.experiment.core)
            rows[run.variant] = {
                "geometry": run.variant,
                "l1_bytes": geometry.l1d.size,
                "l2_bytes": geometry.l2.size,
                "l1_cycles": float(cycles["l1d"]),
                "l2_cycles": float(cycles["l2"]),
                "memory_cycles": float(cycles["memory"]),
            }
    return pl.DataFrame(list(rows.values()))


def _make_curves(design: Design) -> list[Illustration]:
    def table(*metrics: str) -> Callable[[Results], pl.DataFrame]:
        return lambda results: pl.concat(
            [
                summarize(results, design.id, metric).with_columns(metric=pl.lit(metric))
                for metric in metrics
            ]
        )

    return [
        Illustration(
            f"{design.id}-throughput",
            design.id,
            "Throughput against concurrency. Bands are 95 % intervals over seeds.",
            ("throughput",),
            lambda r, p: throughput.draw(summarize(r, design.id, "throughput"), p),
            table("throughput"),
        ),
        Illustration(
            f"{design.id}-misses",
            design.id,
            "L2 misses per request against concurrency: of loads and stores (above), of "
            "instruction fetches (below).",
            ("l2_data", "l2_fetch"),
            lambda r, p: misses.draw(
                summarize(r, design.id, "l2_data"), summarize(r, design.id, "l2_fetch"), p
            ),
            table("l2_data", "l2_fetch"),
        ),
        Illustration(
            f"{design.id}-cycles",
            design.id,
            "Busy cycles per request (above), and the part of them spent in stalls (below).",
            ("cycles", "stall_share"),
            lambda r, p: cycles.draw(
                summarize(r, design.id, "cycles"), summarize(r, design.id, "stall_share"), p
            ),
            table("cycles", "stall_share"),
        ),
    ]


def _make_ratios(design: Design) -> Illustration:
    return Illustration(
        f"{design.id}-ratios",
        design.id,
        "Throughput at the highest level over that at the lowest, with one thing changed at a "
        "time. Hollow points have one seed and no interval.",
        ("throughput",),
        lambda r, p: forest.draw(tabulate_variants(r, design), p, "throughput ratio"),
        lambda r: tabulate_variants(r, design),
    )


def tabulate_variants(results: Results, design: Design) -> pl.DataFrame:
    """Ratio of throughput at the last to the first level, for each variant that has runs."""
    scope = design.tier.get(results.plan.tier)
    if scope is None:
        return pl.DataFrame(schema=FOREST)
    rows: list[dict[str, object]] = []
    for variant in design.find_variants(scope):
        for server in scope.servers:
            above, below = find_pairs(
                results,
                design.id,
                "throughput",
                server=server,
                variant=variant.name,
                level=scope.levels[-1],
                base=scope.levels[0],
            )
            found = estimate_ratio(above, below) if above else None
            label = variant.name if len(scope.servers) == 1 else f"{variant.name}/{server}"
            rows.append(tabulate_ratio(label, found))
    return pl.DataFrame(rows, schema=FOREST)


def tabulate_verdicts(claims: Sequence[AnyClaim], judgements: Sequence[Judgement]) -> pl.DataFrame:
    """Each judgement on one of ``claims`` with its ratio, interval and band."""
    known = {claim.id: claim for claim in claims}
    rows = []
    for judgement in judgements:
        band = known[judgement.claim].accepted
        rows.append(
            {
                "label": f"{judgement.claim}, {judgement.server}",
                "value": judgement.value,
                "low": judgement.low,
                "high": judgement.high,
                "band_low": band.low,
                "band_high": band.high,
                "paper": judgement.paper,
                "note": judgement.verdict.value,
            }
        )
    return pl.DataFrame(rows, schema=FOREST)


def write_illustrations(
    results: Results,
    illustrations: Sequence[Illustration],
    claims: Sequence[AnyClaim],
    judgements: Sequence[Judgement],
    folder: Path,
) -> list[Path]:
    """Draw every figure, and the verdicts on ``claims``, into ``folder``/figures and write the
    tables behind them to ``folder``/data."""
    provenance = make_provenance(results)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    results.runs.write_csv(data / "runs.csv")
    paths = [data / "runs.csv"]
    for illustration in illustrations:
        table = illustration.tabulate(results)
        if not len(table):
            continue
        paths.append(data / f"{illustration.name}.csv")
        table.write_csv(paths[-1])
        figure = illustration.draw(results, provenance)
        paths += save_figure(figure, folder / "figures" / illustration.name)
    if any(judgement.value is not None for judgement in judgements):
        verdicts = tabulate_verdicts(claims, judgements)
        paths.append(data / "verdicts.csv")
        verdicts.write_csv(paths[-1])
        figure = forest.draw(verdicts, provenance, width=PAGE_INCHES, clip=VERDICT_RANGE)
        paths += save_figure(figure, folder / "figures" / "verdicts")
    return paths
