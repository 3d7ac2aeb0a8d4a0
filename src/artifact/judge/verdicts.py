# SPDX-License-Identifier: MIT
"""From a claim and results to a verdict, by interval logic and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from artifact.judge.evidence import Evidence, gather
from artifact.judge.results import Results
from artifact.statistics.bends import Bend, Interval
from artifact.statistics.estimates import adjust_holm
from artifact.study.claims import (
    AnyClaim,
    BendClaim,
    Course,
    EffectClaim,
    EquivalenceClaim,
    MaximumClaim,
    NoWorseClaim,
    OnsetClaim,
    PeakClaim,
    PlaceClaim,
    Selector,
    ShiftClaim,
    TrendClaim,
    ValueClaim,
)
from ground.errors import ExitCode

ALPHA = 0.05


class Verdict(StrEnum):
    """What the data say of a claim.

    REPRODUCED: the interval lies in the band.  DIRECTION: it excludes "no effect" on the claimed
    side, but not all of it lies in the band.  CONTRADICTED: it lies on the other side, or shows
    that there is no effect worth the name.  INCONCLUSIVE: too wide, or too few valid seeds.
    NOT_JUDGED: the tier has too few runs for a verdict by design.

    For the place of a bend or of the failure zone's onset, REPRODUCED: it is there, and the
    interval lies in the band; DIRECTION: it is there, at another place; CONTRADICTED: the curve
    does something else, or there is no onset in the range.
    """

    REPRODUCED = "REPRODUCED"
    DIRECTION = "DIRECTION"
    INCONCLUSIVE = "INCONCLUSIVE"
    CONTRADICTED = "CONTRADICTED"
    NOT_JUDGED = "NOT JUDGED"


class Judgement(BaseModel):
    """A verdict and all that it rests on.

    ``value``, ``low`` and ``high`` are a ratio and its 95 % interval, ``paper`` the paper's own
    number, if it gives one.  ``p`` is that of the claim's test, ``p_adjusted`` after Holm over all
    claims that are decided by a test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    server: str
    statement: str
    location: str
    design: str
    metric: str
    measured: str
    band: str
    verdict: Verdict
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    seeds: int = 0
    p: float | None = None
    p_adjusted: float | None = None
    keys: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Claim and server."""
        return f"{self.claim}/{self.server}"


def judge(claims: Iterable[AnyClaim], results: Results) -> list[Judgement]:
    """The verdict on each claim for each of its servers."""
    gathered = [gather(claim, server, results) for claim in claims for server in claim.servers]
    tested = [
        i
        for i, evidence in enumerate(gathered)
        if evidence.p is not None and isinstance(evidence.claim, TrendClaim | EquivalenceClaim)
    ]
    forward = adjust_holm([gathered[i].p or 0.0 for i in tested])
    reverse = adjust_holm([gathered[i].p_reverse or 0.0 for i in tested])
    adjusted = {i: (forward[n], reverse[n]) for n, i in enumerate(tested)}
    return [decide(evidence, *adjusted.get(i, (None, None))) for i, evidence in enumerate(gathered)]


def decide(evidence: Evidence, p: float | None, p_reverse: float | None) -> Judgement:
    """Apply the verdict logic; ``p`` and ``p_reverse`` are Holm-adjusted, None if untested."""
    claim, estimate = evidence.claim, evidence.estimate
    if estimate is None:
        verdict = Verdict.INCONCLUSIVE if evidence.judged else Verdict.NOT_JUDGED
        reason = evidence.problem
    elif isinstance(claim, OnsetClaim) and evidence.beyond:
        verdict, reason = decide_absence(claim, estimate.value), estimate.note
    elif estimate.low is None or estimate.high is None:
        verdict, reason = Verdict.INCONCLUSIVE, estimate.note
    elif isinstance(claim, PlaceClaim):
        verdict, reason = decide_place(claim, estimate.low, estimate.high, evidence.bend)
    elif isinstance(claim, NoWorseClaim):
        verdict, reason = decide_no_worse(claim, estimate.low, estimate.high)
        reason = f"{reason} ({estimate.note})"
    elif isinstance(claim, EquivalenceClaim):
        verdict, reason = _decide_equivalence(claim, estimate.low, estimate.high, p or 0.0)
    else:
        verdict, reason = decide_effect(claim, estimate.low, estimate.high)
        if isinstance(claim, TrendClaim) and p is not None and p_reverse is not None:
            verdict, reason = _weigh_trend(verdict, reason, p, p_reverse)
    return Judgement(
        claim=claim.id,
        server=evidence.server,
        statement=claim.statement,
        location=claim.location,
        design=claim.design,
        metric=claim.metric,
        measured=describe_measure(claim),
        band=describe_band(claim),
        verdict=verdict,
        reason=reason,
        value=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        paper=claim.paper,
        seeds=estimate.n if estimate else 0,
        p=evidence.p,
        p_adjusted=p,
        keys=evidence.keys,
    )


def decide_effect(claim: EffectClaim, low: float, high: float) -> tuple[Verdict, str]:
    """Interval logic for a ratio that is claimed to be on one side of 1."""
    rises = claim.direction == "rises"
    if claim.band.holds(low, high):
        return Verdict.REPRODUCED, "the interval lies in the band"
    if (low > 1) if rises else (high < 1):
        return Verdict.DIRECTION, "the effect has the claimed direction, but misses the band"
    if (high < 1) if rises else (low > 1):
        return Verdict.CONTRADICTED, "the effect has the opposite direction"
    if low >= 1 / (1 + claim.indifference) and high <= 1 + claim.indifference:
        return Verdict.CONTRADICTED, "there is no effect worth the name"
    return Verdict.INCONCLUSIVE, "the interval includes no effect and is too wide to exclude one"


def decide_no_worse(claim: NoWorseClaim, low: float, high: float) -> tuple[Verdict, str]:
    """Interval logic for the level that speaks most against a claim of no loss."""
    if claim.band.holds(low, high):
        return Verdict.REPRODUCED, "no level is worse by more than the margin"
    beyond = high < 1 - claim.margin if claim.worse == "falls" else low > 1 + claim.margin
    if beyond:
        return Verdict.CONTRADICTED, "it is worse by more than the margin"
    return Verdict.INCONCLUSIVE, "a loss beyond the margin cannot be excluded"


def decide_place(
    claim: PlaceClaim, low: float, high: float, bend: Bend | None
) -> tuple[Verdict, str]:
    """Interval logic for a place, given as ratio to the expected one, and a curve's shape."""
    if isinstance(claim, BendClaim) and bend is not None:
        for verdict, reason in _check_shape(claim, bend):
            if verdict is not None:
                return verdict, reason
    if claim.band.holds(low, high):
        return Verdict.REPRODUCED, "it is there, and the interval of its place lies in the band"
    return Verdict.DIRECTION, "it is there, but the interval of its place misses the band"


def _check_shape(claim: BendClaim, bend: Bend) -> list[tuple[Verdict | None, str]]:
    """What speaks against the claimed shape, contradictions first."""
    found = [
        _check_course("turns up" if claim.turn == "up" else "turns down", bend.turn, claim),
        _check_course(claim.before, bend.before, claim),
        _check_course(claim.after, bend.after, claim),
    ]
    return sorted(found, key=lambda item: item[0] is not Verdict.CONTRADICTED)


def _check_course(
    course: Course | str, slope: Interval, claim: BendClaim
) -> tuple[Verdict | None, str]:
    if course == "any":
        return None, ""
    up = course in {"rises", "turns up"}
    if (slope.low > 0) if up else (slope.high < 0):
        return None, ""
    found = f"slope {slope.value:.3g}, {slope.low:.3g} to {slope.high:.3g}"
    if (slope.high < 0) if up else (slope.low > 0):
        return Verdict.CONTRADICTED, f"where the curve {course} by the claim, it does not: {found}"
    if max(abs(slope.low), abs(slope.high)) <= claim.level_slope:
        return Verdict.CONTRADICTED, f"where the curve {course} by the claim, it is level: {found}"
    return Verdict.INCONCLUSIVE, f"it is open whether the curve {course}: {found}"


def decide_absence(claim: OnsetClaim, reached: float) -> Verdict:
    """No failure up to ``reached`` (ratio to the expected place)."""
    if claim.band.high is not None and reached >= claim.band.high:
        return Verdict.CONTRADICTED
    return Verdict.INCONCLUSIVE


def _weigh_trend(verdict: Verdict, reason: str, p: float, p_reverse: float) -> tuple[Verdict, str]:
    """A trend needs both: an order over all levels, and an effect from the first to the last."""
    if p_reverse < ALPHA:
        return Verdict.CONTRADICTED, "the trend over the levels is the opposite"
    if verdict in {Verdict.REPRODUCED, Verdict.DIRECTION} and p >= ALPHA:
        return Verdict.INCONCLUSIVE, f"{reason}, but the levels between show no trend (p = {p:.2g})"
    return verdict, reason


def _decide_equivalence(
    claim: EquivalenceClaim, low: float, high: float, p: float
) -> tuple[Verdict, str]:
    if p < ALPHA:
        return Verdict.REPRODUCED, "both one-sided tests exclude a change beyond the margin"
    if low > 1 + claim.margin or high < 1 / (1 + claim.margin):
        return Verdict.CONTRADICTED, "the change exceeds the margin"
    return Verdict.INCONCLUSIVE, "a change beyond the margin cannot be excluded"


def describe_measure(claim: AnyClaim) -> str:
    """What is measured, in a few words."""
    if isinstance(claim, TrendClaim):
        return f"{claim.metric}, c = {claim.levels.start} to {claim.levels.end}, last / first"
    if isinstance(claim, PeakClaim):
        what = "robust peak" if claim.metric == "recovery_s" else "peak load"
        return f"{what}, replies/s / {claim.reference}"
    if isinstance(claim, ShiftClaim):
        return f"onset of failure, c / {claim.reference}"
    if isinstance(claim, PlaceClaim):
        what = "onset of failure" if isinstance(claim, OnsetClaim) else f"bend of {claim.metric}"
        return f"{what}, c / {claim.expected}"
    point = describe_selector(claim.point)
    if isinstance(claim, ValueClaim):
        return f"{claim.metric}, {point or 'server'}"
    reference = describe_selector(claim.reference)
    prefix = "largest " if isinstance(claim, MaximumClaim) else ""
    if isinstance(claim, NoWorseClaim):
        prefix = f"worst, c = {claim.levels.start} to {claim.levels.end}: "
    return f"{prefix}{claim.metric}, {point or 'server'} / {reference}"


def describe_selector(selector: Selector) -> str:
    """Server, variant and level, as far as they are said."""
    parts = (
        selector.server or "",
        selector.variant if selector.variant != "base" else "",
        f"c = {selector.level}" if selector.level else "",
    )
    return ", ".join(part for part in parts if part)


def describe_band(claim: AnyClaim) -> str:
    """The band in words."""
    if isinstance(claim, EquivalenceClaim):
        return f"1 +- {claim.margin:g}"
    return str(claim.band)


def find_exit_code(judgements: Sequence[Judgement]) -> ExitCode:
    """1 if any claim is contradicted, else 3 if any is open, else 0."""
    verdicts = {judgement.verdict for judgement in judgements}
    if Verdict.CONTRADICTED in verdicts:
        return ExitCode.DOES_NOT_HOLD
    if Verdict.INCONCLUSIVE in verdicts:
        return ExitCode.INCONCLUSIVE
    return ExitCode.HOLDS
