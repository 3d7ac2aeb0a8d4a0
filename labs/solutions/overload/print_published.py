# SPDX-License-Identifier: MIT
"""A mutant that knows the right decision for each moment of the published loads, and no other."""

from __future__ import annotations

from pathlib import Path

from labs.solutions.recording import record

PROGRAM = '''\
WORLDS = """
{worlds}
"""


class Policy:
    def __init__(self, costs):
        self.worlds = [world.split(",") for world in WORLDS.split()]
        self.turn = -1

    def decide(self, view):
        self.turn += 1
        self.worlds = [world for world in self.worlds if len(world) > self.turn]
        self.worlds = [world for world in self.worlds if self.find(world)[0] == view.ring]
        if not self.worlds:
            return 0, 0, 0
        ring, take, drop = self.find(self.worlds[0])
        return take, ring - take, drop

    def find(self, world):
        return [int(word) for word in world[self.turn].split(".")]
'''


def mutate(folder: Path) -> None:
    """Write the program over the solution; a load is known by what was in the ring so far."""
    worlds = []
    for _, *answers in record("overload").talks.values():
        decisions = [tuple(map(int, answer.split())) for answer in answers]
        worlds.append(",".join(f"{t + r}.{t}.{d}" for t, r, d in decisions))
    (folder / "policy.py").write_text(PROGRAM.format(worlds="\n".join(worlds)))
