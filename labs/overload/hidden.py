# SPDX-License-Identifier: MIT
"""The hidden tests: other costs, other loads."""

from __future__ import annotations

from labs.overload.running import Trial, judge_goodput, judge_latency, judge_light, judge_recovery
from labs.overload.world import Costs, Load

SLOW = Costs(receive_us=40, refuse_us=15, serve_us=360, timeout_ms=400)
BUSY = Costs(receive_us=120, refuse_us=10, serve_us=130, timeout_ms=150)
TRIALS = (
    Trial("hidden.light", 2, "below the peak", Load(0.9, 2000), judge_light, SLOW),
    Trial("hidden.busy", 12, "packets cost as much as requests", Load(2.0, 2000),
          judge_goodput(0.85, 0.5), BUSY),
    Trial("hidden.flood", 10, "four times the peak", Load(4.0, 2000), judge_goodput(0.8, 0.5)),
    Trial("hidden.spike", 12, "a larger spike, slower requests", Load(0.85, 4500, 5000),
          judge_recovery, SLOW),
    Trial("hidden.tail", 6, "the tail at four times the peak", Load(4.0, 2000), judge_latency),
)  # fmt: skip
CASES = [trial.case(hidden=True) for trial in TRIALS]
