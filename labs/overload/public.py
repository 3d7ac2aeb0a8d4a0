# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains."""

from __future__ import annotations

from pathlib import Path

from labs.grader.marks import Case
from labs.overload.running import (
    Trial,
    check_form,
    check_trigger,
    judge_goodput,
    judge_latency,
    judge_light,
    judge_recovery,
)
from labs.overload.world import Load

TRIALS = (
    Trial("light", 3, "a load below the peak is carried", Load(0.8, 2000), judge_light),
    Trial("twice", 15, "twice the peak load", Load(2.0, 2500), judge_goodput(0.9, 0.6)),
    Trial("spike", 15, "recovery from a spike", Load(0.85, 4000, 3000), judge_recovery),
    Trial("tail", 10, "the tail at twice the peak", Load(2.0, 2500), judge_latency),
)
CASES = [
    Case("form", 2, "the policy answers", check_form),
    Case("trigger", 13, "a spike that the given server does not survive", check_trigger, "form"),
    *(trial.case() for trial in TRIALS),
]


def prepare(_folder: Path, _seed: int, _secret: str) -> None:
    """Nothing: server and clients are simulated."""
