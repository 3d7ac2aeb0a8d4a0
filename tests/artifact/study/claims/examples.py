# SPDX-License-Identifier: MIT
"""One claim of each kind, and runs made by hand that a claim can ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from artifact.study.claims import AnyClaim, Claims
from artifact.study.claims.measured import Onset, PeakPairs, Sample
from artifact.study.claims.points import Levels, Selector
from artifact.study.coverage import Coverage

SERVER, REFERENCE = "tux-stingy", "tux"
LEVELS = (1, 8, 64, 512, 4096)
SEEDS = (0.99, 1.0, 1.0, 1.01)  # factors of the seeds
COVERED = Coverage(
    {(server, "base", c): len(SEEDS) for server in (SERVER, REFERENCE) for c in LEVELS},
    dict.fromkeys((SERVER, REFERENCE), len(SEEDS)),
)
RISES: dict[str, object] = {"direction": "rises", "band": {"low": 1.25}}
RANGE: dict[str, object] = {"levels": {"from": 1, "to": 4096}}
AT_512: dict[str, object] = {
    "point": {"level": 512},
    "reference": {"server": REFERENCE, "level": 512},
}
OVER: dict[str, object] = {"point": {}, "reference": {"server": REFERENCE}}
AROUND_64: dict[str, object] = {"expected": 64, "band": {"low": 0.5, "high": 2}}

# What a kind adds to the fields that all claims have.
EXAMPLES: Mapping[str, dict[str, object]] = {
    "ratio": AT_512 | RISES,
    "value": {"point": {"level": 512}} | RISES,
    "trend": RANGE | RISES,
    "maximum": RANGE | OVER | RISES,
    "equivalence": AT_512 | {"margin": 0.1},
    "no-worse": RANGE | OVER | {"worse": "falls", "margin": 0.1},
    "peak": {"reference": REFERENCE} | RISES,
    "shift": {"reference": REFERENCE} | RANGE | RISES,
    "bend": RANGE | AROUND_64 | {"breaks": 1, "index": 1, "turn": "down"},
    "onset": RANGE | AROUND_64,
}


def make_claim(kind: str, **changes: object) -> AnyClaim:
    """The example of ``kind``, with other fields."""
    document = {
        "id": "an.example",
        "location": "nowhere",
        "statement": "an example",
        "design": "figure7",
        "servers": [SERVER],
        "metric": "throughput",
        "band_reason": "a claim of the tests, about no paper",
        "seeds": {"full": len(SEEDS)},
        "kind": kind,
    }
    (claim,) = Claims.model_validate({"claim": [document | EXAMPLES[kind] | changes]}).claim
    return claim


@dataclass(frozen=True)
class Handmade:
    """Answers as `artifact.study.claims.measured.Measured`: ``value`` of a server at a level,
    before the seed's factor; ``holds`` and ``peak`` by server.

    The factors of the reference run the other way, so that ratios differ between seeds.
    """

    value: Callable[[str, int], float] = lambda server, level: 100.0
    holds: Mapping[str, int] = field(default_factory=lambda: {SERVER: 64, REFERENCE: 64})
    peak: Mapping[str, float] = field(default_factory=lambda: {SERVER: 100.0, REFERENCE: 100.0})

    def collect(self, points: Sequence[Selector]) -> Sample:
        places = [(point.server or "", point.level or 0) for point in points]
        table = [
            [
                self.value(server, level) * (1 / factor if server == REFERENCE else factor)
                for server, level in places
            ]
            for factor in SEEDS
        ]
        return Sample(table, ("key",))

    def find_onsets(self, *servers: str, levels: Levels, variant: str = "base") -> list[Onset]:
        return [self._find_onset(server) for server in servers]

    def _find_onset(self, server: str) -> Onset:
        later = [level for level in LEVELS if level > self.holds[server]]
        fails = later[0] if later else None
        return Onset(self.holds[server], fails, LEVELS[-1], len(SEEDS), ("key",))

    def pair_peaks(self, server: str, reference: str) -> PeakPairs:
        above, below = ([self.peak[s] * factor for factor in SEEDS] for s in (server, reference))
        return PeakPairs(above, below, 0.02, ("key",))
