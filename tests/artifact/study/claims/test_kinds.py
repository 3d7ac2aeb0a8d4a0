# SPDX-License-Identifier: MIT
"""A kind of claim is one module: the registry has all of them, and each judges plain numbers."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import pytest

from artifact.judge.evidence import Case
from artifact.judge.verdicts import decide, judge
from artifact.report.selection import tabulate_verdicts
from artifact.statistics.estimates import estimate_mean
from artifact.study import claims
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import Evidence, Ruling, Verdict
from artifact.study.claims.kind import Band, Claim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Names, Selector
from artifact.study.coverage import Coverage
from artifact.study.loading import check_claim
from ground.errors import UsageError
from tests.artifact.curves import make_design, make_line, make_results
from tests.artifact.study.claims.examples import (
    COVERED,
    EXAMPLES,
    LEVELS,
    REFERENCE,
    SEEDS,
    SERVER,
    Handmade,
    make_claim,
)

REGISTERED: tuple[type[Claim], ...] = get_args(get_args(AnyClaim)[0])


def find_kind(model: type[Claim]) -> str:
    return str(get_args(model.model_fields["kind"].annotation)[0])


def find_written() -> dict[str, type[Claim]]:
    """The kinds in the folder of claims, by the module that each is in."""
    found = {}
    for module in pkgutil.iter_modules(claims.__path__, f"{claims.__name__}."):
        for _, model in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            mine = model.__module__ == module.name and issubclass(model, Claim)
            if mine and "kind" in model.model_fields:
                found[module.name.rpartition(".")[2]] = model
    return found


def test_the_registry_has_every_kind_under_its_modules_name() -> None:
    written = find_written()
    assert set(REGISTERED) == set(written.values())
    assert {name: find_kind(model) for name, model in written.items()} == {
        name: name.replace("_", "-") for name in written
    }
    assert len(written) == len(REGISTERED) >= 10


def test_every_kind_has_its_example() -> None:
    assert set(EXAMPLES) == {find_kind(model) for model in REGISTERED}


@pytest.mark.parametrize("model", REGISTERED, ids=find_kind)
def test_no_kind_needs_another(model: type[Claim]) -> None:
    source = Path(inspect.getfile(model)).read_text()
    others = {other.__module__ for other in REGISTERED if other is not model}
    assert not [name for name in others if f"from {name} " in source]


@pytest.mark.parametrize(
    ("kind", "measure", "band"),
    [
        ("ratio", "throughput, c = 512 / tux, c = 512", "at least 1.25"),
        ("value", "throughput, c = 512", "at least 1.25"),
        ("trend", "throughput, c = 1 to 4096, last / first", "at least 1.25"),
        ("maximum", "largest throughput, server / tux", "at least 1.25"),
        ("equivalence", "throughput, c = 512 / tux, c = 512", "1 +- 0.1"),
        ("no-worse", "worst, c = 1 to 4096: throughput, server / tux", "at least 0.9"),
        ("peak", "peak load, replies/s / tux", "at least 1.25"),
        ("shift", "onset of failure, c / tux", "at least 1.25"),
        ("bend", "bend of throughput, c / 64", "0.5 to 2"),
        ("onset", "onset of failure, c / 64", "0.5 to 2"),
    ],
)
def test_the_words_of_a_kind(kind: str, measure: str, band: str) -> None:
    claim = make_claim(kind)
    assert claim.describe_measure() == measure
    assert claim.describe_band() == band


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("ratio", 1.25, None), ("equivalence", 1 / 1.1, 1.1), ("no-worse", 0.9, None)],
)
def test_the_band_of_a_kind(kind: str, low: float, high: float | None) -> None:
    accepted = make_claim(kind).accepted
    assert accepted.low == pytest.approx(low)
    assert accepted.high == pytest.approx(high)


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("ratio", [(SERVER, 512), (REFERENCE, 512)]),
        ("value", [(SERVER, 512)]),
        ("trend", [(SERVER, level) for level in LEVELS]),
        ("maximum", [(server, level) for level in LEVELS for server in (SERVER, REFERENCE)]),
        ("equivalence", [(SERVER, 512), (REFERENCE, 512)]),
        ("no-worse", [(server, level) for level in LEVELS for server in (SERVER, REFERENCE)]),
        ("peak", []),
        ("shift", [(server, level) for level in LEVELS for server in (SERVER, REFERENCE)]),
        ("bend", [(SERVER, level) for level in LEVELS]),
        ("onset", [(SERVER, level) for level in LEVELS]),
    ],
)
def test_the_points_of_a_kind(kind: str, points: Sequence[tuple[str, int]]) -> None:
    claim = make_claim(kind)
    found = claim.list_points(SERVER, COVERED, len(SEEDS))
    assert [(point.server, point.level) for point in found] == points
    with pytest.raises(ValueError, match=rf"needs? {len(SEEDS) + 1} seeds"):
        claim.list_points(SERVER, COVERED, len(SEEDS) + 1)


def gain(factor: float, at: Sequence[int] = LEVELS) -> Handmade:
    """The server has ``factor`` times the reference's values at some levels."""
    return Handmade(lambda server, c: 100.0 * (factor if server == SERVER and c in at else 1))


def power(exponent: float, until: float = math.inf) -> Handmade:
    """Values grow as a power of the level up to one, and fall from there on."""
    return Handmade(lambda _, c: 100 * min(c, until) ** exponent * max(c / until, 1) ** -exponent)


def value(ratio: float) -> Handmade:
    return Handmade(lambda *_: ratio)


def peak(ratio: float) -> Handmade:
    return Handmade(peak={SERVER: 100 * ratio, REFERENCE: 100.0})


def onset(holds: int) -> Handmade:
    return Handmade(holds={SERVER: holds, REFERENCE: 64})


@pytest.mark.parametrize(
    ("kind", "measured", "ratio", "verdict"),
    [
        ("ratio", gain(1.5), 1.5, Verdict.REPRODUCED),
        ("ratio", gain(1.1), 1.1, Verdict.DIRECTION),
        ("ratio", gain(0.8), 0.8, Verdict.CONTRADICTED),
        ("value", value(1.5), 1.5, Verdict.REPRODUCED),
        ("value", value(1.1), 1.1, Verdict.DIRECTION),
        ("value", value(0.8), 0.8, Verdict.CONTRADICTED),
        ("trend", power(0.1), 4096**0.1, Verdict.REPRODUCED),
        ("trend", power(0.01), 4096**0.01, Verdict.DIRECTION),
        ("trend", power(-0.1), 4096**-0.1, Verdict.CONTRADICTED),
        # higher at the end than at the beginning, but the way there is no trend
        ("trend", gain(1.5, at=(8, 4096)), 1.5, Verdict.INCONCLUSIVE),
        ("maximum", gain(1.5, at=(8,)), 1.5, Verdict.REPRODUCED),
        ("maximum", gain(0.8), 0.8, Verdict.CONTRADICTED),
        ("equivalence", gain(1.0), 1.0, Verdict.REPRODUCED),
        ("equivalence", gain(1.5), 1.5, Verdict.CONTRADICTED),
        ("equivalence", gain(1.1), 1.1, Verdict.INCONCLUSIVE),
        ("no-worse", gain(1.5), 1.5, Verdict.REPRODUCED),
        ("no-worse", gain(0.8, at=(8,)), 0.8, Verdict.CONTRADICTED),
        ("no-worse", gain(0.9, at=(8,)), 0.9, Verdict.INCONCLUSIVE),
        ("peak", peak(1.5), 1.5, Verdict.REPRODUCED),
        ("peak", peak(1.1), 1.1, Verdict.DIRECTION),
        ("peak", peak(0.8), 0.8, Verdict.CONTRADICTED),
        # between 512 and 4096 over between 64 and 512: at least as high
        ("shift", onset(512), 8.0, Verdict.INCONCLUSIVE),
        ("bend", power(0.5, until=64), 1.0, Verdict.REPRODUCED),
        ("bend", power(-0.5, until=64), 1.0, Verdict.CONTRADICTED),
        # between 64 and 512: not all of that is within twice the expected place
        ("onset", onset(64), math.sqrt(8), Verdict.DIRECTION),
        ("onset", onset(4096), 64.0, Verdict.CONTRADICTED),
    ],
)
def test_a_kind_judges_plain_numbers(
    kind: str, measured: Handmade, ratio: float, verdict: Verdict
) -> None:
    claim = make_claim(kind)
    evidence = weigh(claim, measured)
    judgement = decide(Case(claim, SERVER, evidence), evidence.p)
    assert judgement.value == pytest.approx(ratio, rel=0.01)
    assert judgement.verdict is verdict, judgement
    assert judgement.seeds == len(SEEDS)
    assert judgement.keys == ("key",)


def weigh(claim: Claim, measured: Measured) -> Evidence:
    return claim.weigh(SERVER, claim.list_points(SERVER, COVERED, len(SEEDS)), measured)


def test_a_shift_needs_a_reference_that_fails() -> None:
    with pytest.raises(ValueError, match="tux: not all seeds fail at any level up to c = 4096"):
        weigh(make_claim("shift"), Handmade(holds={SERVER: 64, REFERENCE: 4096}))


def test_a_server_that_never_fails_has_at_least_that_shift() -> None:
    evidence = weigh(make_claim("shift"), onset(4096))
    assert evidence.estimate.low == pytest.approx(4096 / 512)
    assert evidence.estimate.note == "no failure up to c = 4096: at least this"


class MeanClaim(Claim):
    """``metric`` itself is at least ``least``: a kind of which nothing outside of it knows."""

    kind: Literal["mean"]
    least: float
    point: Selector

    @property
    def accepted(self) -> Band:
        return Band(low=self.least)

    def describe_measure(self) -> str:
        return f"mean {self.metric}"

    def list_names(self) -> Names:
        return Names(levels=[("point.level", self.point.level)])

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        covered.need_point(server, "base", self.point.level, needed)
        return [self.point.place(server)]

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        sample = measured.collect(points)
        return Evidence(estimate_mean(sample.columns[0]), sample.keys)

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        above = self.accepted.holds(low, high)
        return (Verdict.REPRODUCED if above else Verdict.CONTRADICTED), "by its mean"


def make_mean(least: float, level: int) -> AnyClaim:
    example = make_claim("ratio").model_dump(exclude={"direction", "band", "indifference"})
    changed = {"kind": "mean", "design": "figure1", "servers": ["tux"], "seeds": {"quick": 5}}
    point = {"least": least, "point": {"level": level}}
    claim = MeanClaim.model_validate(example | changed | point, extra="ignore")
    return cast(AnyClaim, claim)


def test_a_kind_that_is_new_needs_no_other_change() -> None:
    """It is checked, judged, drawn and described by what it says of itself."""
    design = make_design()
    with pytest.raises(UsageError, match="figure1 has no level 7"):
        check_claim(make_mean(900, 7), design, Path("claims.toml"))
    made = [make_mean(least, 40) for least in (900.0, 5000.0)]
    for claim in made:
        check_claim(claim, design, Path("claims.toml"))
    found = judge(made, make_results({"throughput": make_line(1000, (1, 0.0))}))
    assert [j.verdict for j in found] == [Verdict.REPRODUCED, Verdict.CONTRADICTED]
    assert {j.measured for j in found} == {"mean throughput"}
    assert [j.band for j in found] == ["at least 900", "at least 5000"]
    assert tabulate_verdicts(made[:1], found[:1])["band_low"].to_list() == [900.0]
