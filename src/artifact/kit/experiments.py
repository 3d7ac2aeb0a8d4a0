# SPDX-License-Identifier: MIT
"""The experiments as docs/experiments.md lists them: what each asks, shows and takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artifact.report.selection import list_illustrations
from artifact.runs.engines import LocalEngine
from artifact.runs.forecast import Forecast, forecast
from artifact.runs.plan import Plan, make_plan
from artifact.runs.rehearsal import SYNTHETIC
from artifact.runs.store import Store
from artifact.study.designs import Design, Tier
from artifact.study.loading import Study

JOBS: Final = 2  # a reviewer's two cores
PRODUCTS: Final = {SYNTHETIC: ""}


@dataclass(frozen=True)
class Effort:
    """What one experiment takes in one tier, by itself: runs, and minutes by forecast."""

    runs: int
    minutes: float


@dataclass(frozen=True)
class ShownExperiment:
    """A design, its figures by name, its claims, and what it takes in each tier that has it."""

    design: Design
    figures: tuple[str, ...]
    claims: tuple[str, ...]
    efforts: Mapping[str, Effort]


def list_experiments(study: Study) -> list[ShownExperiment]:
    """All designs, in the order of their names."""
    figures = list_illustrations(study)
    return [
        ShownExperiment(
            design,
            tuple(figure.name for figure in figures if figure.design == design.id),
            tuple(claim.id for claim in study.claims if claim.design == design.id),
            {tier.value: find_effort(design, tier) for tier in design.tier},
        )
        for design in sorted(study.designs, key=lambda design: design.id)
    ]


def find_effort(design: Design, tier: Tier) -> Effort:
    """Runs of a search are among them, as many as it is expected to make."""
    plan = make_plan(tier, [design], PRODUCTS)
    expected = forecast_plan(plan)
    return Effort(len(plan.keys) + expected.probes, expected.seconds / 60)


def forecast_plan(plan: Plan) -> Forecast:
    """What ``plan`` costs by the assumptions of a host that has run nothing."""
    return forecast(plan, Store(Path("/nonexistent")), LocalEngine(JOBS))
