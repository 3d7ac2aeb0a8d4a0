# SPDX-License-Identifier: MIT
"""What decides a claim, and what is decided: numbers, and the verdict that they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from artifact.statistics.estimates import Estimate

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


Ruling = tuple[Verdict, str]  # and the reason


@dataclass(frozen=True)
class PValues:
    """Of a one-sided test, for the claim and for its opposite."""

    claim: float
    opposite: float


@dataclass(frozen=True)
class Evidence:
    """The numbers for one claim and server: an estimate of the ratio that is judged, the keys of
    the runs behind it, and where the kind has a test, its p.

    An ``objection`` decides by itself, whatever the interval is.  A kind with more to tell has an
    evidence of its own.
    """

    estimate: Estimate
    keys: tuple[str, ...]
    p: PValues | None = None
    objection: Ruling | None = None
