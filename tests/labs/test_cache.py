# SPDX-License-Identifier: MIT
"""Lab 2's model is the testbed's: the same counts on random traces."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from labs.cache.hidden import MIXED
from labs.cache.hidden import TRIALS as HIDDEN
from labs.cache.model import Hierarchy
from labs.cache.public import TRIALS as PUBLIC
from labs.cache.running import Trial
from labs.cache.traces import KINDS, Config, Event, Shape, make_trace
from labs.grader.chance import Chance
from tests.qemu import cache_reference as testbed
from tests.qemu.cache_library import EVENT, build_library, open_hierarchy

KIND_NUMBERS = {**{kind: number for number, kind in enumerate(KINDS)}, "D": 3}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return build_library(tmp_path_factory.mktemp("hierarchy"))


def count_by_testbed(library: ctypes.CDLL, config: Config, events: list[Event]) -> list[int]:
    def convert(shape: Shape) -> testbed.Shape:
        return testbed.Shape(shape.size, shape.ways, shape.line)

    policy = "plru" if config.plru else "lru"
    same = testbed.Config(convert(config.l1i), convert(config.l1d), convert(config.l2), policy)
    rows = [(address, size, KIND_NUMBERS[kind], 0) for kind, address, size in events if kind != "C"]
    with open_hierarchy(library, same) as hierarchy:
        hierarchy.run(np.array(rows, EVENT))
        n = hierarchy.c.n
        return [
            *(n.l1[kind][0] for kind in range(3)),
            *(n.l2[kind][0] for kind in range(3)),
            n.writeback,
            n.dma_lines,
        ]


def fits_testbed(trial: Trial) -> bool:
    """A set of the testbed's L1 fits into a line, one word a way; there are at least two sets."""
    shapes = (trial.config.l1i, trial.config.l1d)
    return all(s.sets > 1 and s.ways < s.line // 4 for s in shapes)


TRIALS = [trial for trial in (*PUBLIC, *HIDDEN) if fits_testbed(trial)]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda t: t.name)
@pytest.mark.parametrize("secret", ["one", "two"])
def test_the_model_counts_as_the_testbed_does(
    library: ctypes.CDLL, trial: Trial, secret: str
) -> None:
    events = make_trace(Chance(secret, trial.name), trial.flavour)
    want = count_by_testbed(library, trial.config, events)
    assert Hierarchy(trial.config).replay(events)[-1] == want
    assert sum(want) > 100


def test_plru_and_devices_together(library: ctypes.CDLL) -> None:
    config = Config(Shape(256, 2, 32), Shape(256, 2, 32), Shape(2048, 16, 32), plru=True)
    events = make_trace(Chance("three", "plru"), MIXED)
    assert Hierarchy(config).replay(events)[-1] == count_by_testbed(library, config, events)
