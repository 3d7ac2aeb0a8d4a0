# SPDX-License-Identifier: MIT
"""Timings of emulation modes: samples, ratios with intervals, a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from artifact.statistics.estimates import Estimate, estimate_ratio


class Mode(StrEnum):
    """How the guest is emulated."""

    ICOUNT = "plain icount"
    PLUGIN = "contrib cache plugin"
    MODEL = "cache model"
    STALLS = "cache model with stalls"
    OTHER_ICOUNT = "plain icount, other build"
    OTHER_MODEL = "cache model, other build"
    OTHER_STALLS = "cache model with stalls, other build"

    @property
    def instrument(self) -> Mode:
        """The mode of this build that does the same."""
        return OWN.get(self, self)

    @property
    def counted_by(self) -> Mode:
        """The mode that counts the instructions: its guests execute the same ones in the same
        virtual time.  Another build may have a virtual time of its own."""
        if self.instrument is Mode.STALLS:
            return self
        return Mode.OTHER_MODEL if self in OWN else Mode.MODEL


OWN = {
    Mode.OTHER_ICOUNT: Mode.ICOUNT,
    Mode.OTHER_MODEL: Mode.MODEL,
    Mode.OTHER_STALLS: Mode.STALLS,
}


class Sample(BaseModel):
    """One timed block of guest work.

    ``seconds`` is the emulator's processor time, which other load on the host moves little;
    ``elapsed`` is the clock's.  ``instructions`` are the guest's.
    """

    model_config = ConfigDict(frozen=True)

    work: str
    mode: Mode
    round: int
    block: int
    seconds: float
    elapsed: float
    instructions: int

    @property
    def mips(self) -> float:
        """Million guest instructions a second of processor time."""
        return self.instructions / self.seconds / 1e6


class Comparison(BaseModel):
    """How much faster ``mode`` is than ``base`` on ``work``: geometric mean over rounds."""

    model_config = ConfigDict(frozen=True)

    work: str
    mode: Mode
    base: Mode
    ratio: float
    low: float | None
    high: float | None
    rounds: int


class Speed(BaseModel):
    """Median speed of a mode over all blocks, in million instructions a second."""

    model_config = ConfigDict(frozen=True)

    work: str
    mode: Mode
    mips: float
    slowest: float
    fastest: float
    samples: int


class SpeedReport(BaseModel):
    """All samples, what follows from them, and what they were taken on."""

    model_config = ConfigDict(frozen=True)

    host: str
    processors: int
    load_before: float
    qemu: str
    other_qemu: str | None
    geometry: str
    samples: tuple[Sample, ...]
    speeds: tuple[Speed, ...]
    comparisons: tuple[Comparison, ...]


PAIRS = (
    (Mode.MODEL, Mode.PLUGIN),
    (Mode.STALLS, Mode.PLUGIN),
    (Mode.ICOUNT, Mode.MODEL),
    (Mode.ICOUNT, Mode.STALLS),
    (Mode.ICOUNT, Mode.OTHER_ICOUNT),
    (Mode.MODEL, Mode.OTHER_MODEL),
    (Mode.STALLS, Mode.OTHER_STALLS),
)


def find_speeds(samples: Sequence[Sample]) -> tuple[Speed, ...]:
    """Speeds by work and mode, in order of first appearance of the work."""
    speeds = []
    for work in dict.fromkeys(s.work for s in samples):
        for mode in Mode:
            mips = [s.mips for s in samples if s.work == work and s.mode == mode]
            if mips:
                median = statistics.median(mips)
                speeds.append(
                    Speed(
                        work=work,
                        mode=mode,
                        mips=median,
                        slowest=min(mips),
                        fastest=max(mips),
                        samples=len(mips),
                    )
                )
    return tuple(speeds)


def find_comparisons(samples: Sequence[Sample]) -> tuple[Comparison, ...]:
    """Ratios of the speeds of one round, whose runs were close in time, over the rounds."""
    found = []
    for work in dict.fromkeys(s.work for s in samples):
        for mode, base in PAIRS:
            fast, slow = _by_round(samples, work, mode), _by_round(samples, work, base)
            rounds = sorted(set(fast) & set(slow))
            if rounds:
                estimate = _estimate([fast[r] for r in rounds], [slow[r] for r in rounds])
                found.append(
                    Comparison(
                        work=work,
                        mode=mode,
                        base=base,
                        ratio=estimate.value,
                        low=estimate.low,
                        high=estimate.high,
                        rounds=len(rounds),
                    )
                )
    return tuple(found)


def _estimate(fast: list[float], slow: list[float]) -> Estimate:
    if len(fast) == 1:
        return Estimate(fast[0] / slow[0], None, None, 1, "one round")
    return estimate_ratio(fast, slow)


def _by_round(samples: Sequence[Sample], work: str, mode: Mode) -> dict[int, float]:
    mine = [s for s in samples if s.work == work and s.mode == mode]
    return {
        number: statistics.median(s.mips for s in mine if s.round == number)
        for number in sorted({s.round for s in mine})
    }


def show_speeds(report: SpeedReport, console: Console) -> None:
    """Print both tables."""
    table = Table("work", "mode", "median MIPS", "slowest", "fastest", "n", box=None)
    for s in report.speeds:
        numbers = (f"{s.mips:.1f}", f"{s.slowest:.1f}", f"{s.fastest:.1f}", str(s.samples))
        table.add_row(s.work, s.mode, *numbers)
    console.print(table)
    table = Table("work", "faster", "than", "times", "95 % interval", box=None)
    for c in report.comparisons:
        interval = f"{c.low:.2f} .. {c.high:.2f}" if c.low and c.high else "-"
        table.add_row(c.work, c.mode, c.base, f"{c.ratio:.2f}", interval)
    console.print(table)
