# SPDX-License-Identifier: MIT
"""The reviewer's kit (an appendix of two pages, check-lists, errors with remedies, what replay has
to install), the pages of results and of experiments, and README's figure, all from the claims, the
committed reference results, and what runs cost."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import jinja2

from artifact.judge.reference import HEAD, Head, find_folder
from artifact.judge.verdicts import Judgement
from artifact.kit.experiments import JOBS, PRODUCTS, forecast_plan, list_experiments
from artifact.kit.references import OUTSIDE, WAITING, list_chapters
from artifact.kit.requirements import format_replay_lock
from artifact.paper.pictures import draw_reference
from artifact.replay import describe
from artifact.report.page import format_estimate, format_number
from artifact.runs.plan import make_plan
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier
from artifact.study.loading import Study, load_study
from ground.files import write_atomically
from ground.paths import PROJECT

APPENDIX: Final = "ae/APPENDIX.md"
FAQ: Final = "ae/FAQ.md"
RESULTS: Final = "docs/results.md"
EXPERIMENTS: Final = "docs/experiments.md"
PAGES: Final = (APPENDIX, "ae/CHECKLISTS.md", FAQ, RESULTS, EXPERIMENTS)
REPLAY_LOCK: Final = "ae/requirements.lock"
PICTURE: Final = "docs/figure7.svg"  # README's
KIT: Final = (*PAGES, REPLAY_LOCK, PICTURE)
NEEDS: Final = PROJECT / "ae" / "needs.tsv"
UNEXPECTED_FIRST: Final = (
    Verdict.CONTRADICTED,
    Verdict.INCONCLUSIVE,
    Verdict.DIRECTION,
    Verdict.REPRODUCED,
    Verdict.NOT_JUDGED,
)


@dataclass(frozen=True)
class Need:
    """What a mode of ae/run needs of the host and of the reviewer."""

    mode: str
    memory_mib: int
    disk_mib: int
    human_min: int


@dataclass(frozen=True)
class ListedClaim:
    """A claim as the appendix lists it: its number, what was found, the experiment that shows
    it."""

    number: str
    claim: AnyClaim
    band: str
    expected: tuple[Judgement, ...]
    command: str

    @property
    def worst(self) -> int:
        """Place of its worst verdict: what a reviewer should know first."""
        found = [UNEXPECTED_FIRST.index(j.verdict) for j in self.expected]
        return min(found, default=len(UNEXPECTED_FIRST))

    @property
    def found(self) -> str:
        """Expected verdicts, a server each."""
        return "; ".join(f"{j.server}: {describe(j)}" for j in self.expected) or "not measured yet"


def read_needs(path: Path = NEEDS) -> dict[str, Need]:
    """The table that ae/run reads too."""
    lines = [line.split("\t") for line in path.read_text().splitlines() if line[:1] != "#"]
    return {mode: Need(mode, *map(int, numbers)) for mode, *numbers in lines}


def read_head(tier: Tier) -> Head:
    """Where the reference results of ``tier`` come from, and their verdicts."""
    return Head.model_validate_json((find_folder(tier) / HEAD).read_bytes())


def list_claims(study: Study, verdicts: Sequence[Judgement]) -> list[ListedClaim]:
    """Claims with their expected verdicts, the worst first; numbers follow the file."""
    shown = [
        ListedClaim(
            f"C{number}",
            claim,
            claim.describe_band(),
            tuple(j for j in verdicts if j.claim == claim.id),
            f"./invoke reproduce --tier full --only {claim.design}",
        )
        for number, claim in enumerate(study.claims, 1)
    ]
    return sorted(shown, key=lambda one: one.worst)


@functools.cache
def render_kit() -> dict[str, str]:
    """Paths in the project and texts of all that is in KIT."""
    study = load_study()
    plans = {tier: make_plan(tier, study.designs, PRODUCTS) for tier in Tier}
    full = read_head(Tier.FULL)
    facts = {
        "needs": read_needs(),
        "costs": {t.value: (len(plan.keys), forecast_plan(plan)) for t, plan in plans.items()},
        "jobs": JOBS,
        "claims": list_claims(study, full.verdicts),
        "commit": full.commit[:12],
        "counts": {v.value: sum(j.verdict is v for j in full.verdicts) for v in UNEXPECTED_FIRST},
        "chapters": list_chapters(plans, study.claims),
        "experiments": list_experiments(study),
        "outside": OUTSIDE,
        "waiting": WAITING,
    }
    pages = {page: find_template(page).render(facts) for page in PAGES}
    return pages | {REPLAY_LOCK: format_replay_lock(), PICTURE: draw_picture()}


def find_template(page: str) -> jinja2.Template:
    """What ``page`` is made from."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: (files("artifact.report") / "templates" / name).read_text(encoding="utf-8")
        ),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["estimate"] = format_estimate
    environment.globals["number"] = format_number
    return environment.get_template(f"{Path(page).name.lower()}.j2")


def draw_picture() -> str:
    """Figure 7 as the full tier's reference gives it, in SVG."""
    with tempfile.TemporaryDirectory(prefix="picture.") as name:
        drawn = draw_reference(find_folder(Tier.FULL), ["figure7"], Path(name))
        return (drawn / "figure7.svg").read_text(encoding="utf-8")


def write_kit(folder: Path = PROJECT) -> list[str]:
    """Write the kit below ``folder``; its paths there."""
    for name, text in render_kit().items():
        write_atomically(folder / name, text.encode())
    return list(KIT)


def find_stale_pages(folder: Path = PROJECT) -> list[str]:
    """Paths in the kit below ``folder`` that are not what would be written now."""
    wanted = render_kit()
    return [
        name
        for name, text in wanted.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
