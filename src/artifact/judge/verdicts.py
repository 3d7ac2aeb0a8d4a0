# SPDX-License-Identifier: MIT
"""From claims and results to verdicts, each by the rule of the claim's kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from artifact.judge.evidence import Case, gather
from artifact.judge.results import Results
from artifact.statistics.estimates import adjust_holm, bound_interval
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import PValues, Ruling, Verdict
from ground.errors import ExitCode


class Judgement(BaseModel):
    """A verdict and all that it rests on.

    ``value``, ``low`` and ``high`` are a ratio and its 95 % interval, which may be open to one
    side (`artifact.statistics.estimates.Estimate`), ``paper`` the paper's own number, if it gives
    one.  ``p`` is that of the claim's test, ``p_adjusted`` after Holm over all claims that are
    decided by a test.
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
    cases = [gather(claim, server, results) for claim in claims for server in claim.servers]
    adjusted = _adjust_tests(cases)
    return [decide(case, p) for case, p in zip(cases, adjusted, strict=True)]


def _adjust_tests(cases: Sequence[Case]) -> list[PValues | None]:
    """The p of each case, adjusted after Holm for all that are decided by a test; None of the
    others."""
    tested = {
        i: case.evidence.p
        for i, case in enumerate(cases)
        if case.claim.tested and case.evidence and case.evidence.p
    }
    forward = adjust_holm([p.claim for p in tested.values()])
    reverse = adjust_holm([p.opposite for p in tested.values()])
    adjusted = dict(zip(tested, map(PValues, forward, reverse), strict=True))
    return [adjusted.get(i) for i in range(len(cases))]


def decide(case: Case, p: PValues | None) -> Judgement:
    """Apply the verdict logic; ``p`` is Holm-adjusted, None if untested."""
    claim, evidence = case.claim, case.evidence
    estimate = evidence.estimate if evidence else None
    verdict, reason = _rule(case, p)
    return Judgement(
        claim=claim.id,
        server=case.server,
        statement=claim.statement,
        location=claim.location,
        design=claim.design,
        metric=claim.metric,
        measured=claim.describe_measure(),
        band=claim.describe_band(),
        verdict=verdict,
        reason=reason,
        value=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        paper=claim.paper,
        seeds=estimate.n if estimate else 0,
        p=evidence.p.claim if evidence and evidence.p else None,
        p_adjusted=p.claim if p else None,
        keys=evidence.keys if evidence else (),
    )


def _rule(case: Case, p: PValues | None) -> Ruling:
    """What needs no interval comes first; the rest is the kind's."""
    evidence = case.evidence
    if evidence is None:
        return Verdict.INCONCLUSIVE if case.judged else Verdict.NOT_JUDGED, case.problem
    if evidence.objection:
        return evidence.objection
    estimate = evidence.estimate
    interval = bound_interval(estimate.low, estimate.high)
    if interval is None:
        return Verdict.INCONCLUSIVE, estimate.note
    verdict, reason = case.claim.decide(*interval, replace(evidence, p=p))
    is_bound = None in (estimate.low, estimate.high)
    return verdict, f"{reason}; {estimate.note}" if is_bound else reason


def find_exit_code(judgements: Sequence[Judgement]) -> ExitCode:
    """1 if any claim is contradicted, else 3 if any is open, else 0."""
    verdicts = {judgement.verdict for judgement in judgements}
    if Verdict.CONTRADICTED in verdicts:
        return ExitCode.DOES_NOT_HOLD
    if Verdict.INCONCLUSIVE in verdicts:
        return ExitCode.INCONCLUSIVE
    return ExitCode.HOLDS
