# SPDX-License-Identifier: MIT
"""Maps that are wrong on purpose: the proof refuses each, and nothing but its fault is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stingy.stingygen.command import main
from stingy.stingygen.geometry import PAGE_BYTES, load_l2
from stingy.stingygen.map import Map, Parameters, load_map
from stingy.stingygen.mutants import MUTANTS, PLACES
from stingy.stingygen.plan import plan_map
from stingy.stingygen.proof import prove
from tests.stingy.demands import WEB
from tests.stingy.results import RESULT

L2 = load_l2("banias-1400")
PLAN = plan_map(WEB, L2, Parameters(requests=1000))
SAID = {
    "off-by-a-page": {"page 0 of the cache slab has colour 5, planned 4", "the first colour"},
    "colliding": {"objects collide", "lines find no way"},
}


def count_starts(plan: Map) -> Counter[int]:
    """By set of the L2, how many slots of the cache slab begin there; slot by slot."""
    return Counter(
        (pool.offset + number * pool.stride_bytes) // L2.line_bytes % L2.sets
        for pool in plan.pools
        for number in range(pool.slots)
    )


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_the_proof_refuses_it_for_its_fault_alone(name: str) -> None:
    assert prove(PLAN).holds
    violations = prove(MUTANTS[name](PLAN)).violations
    assert len(violations) == len(SAID[name])
    for words in SAID[name]:
        assert any(words in violation for violation in violations), violations


def test_a_page_beyond_each_line_keeps_a_place() -> None:
    """So measurement cannot notice: only the colours are others than planned."""
    moved = MUTANTS["off-by-a-page"](PLAN)
    proof = prove(moved)
    assert proof.distinct == proof.lines
    assert moved.slab("cache").offset == PLAN.slab("cache").offset + PAGE_BYTES
    assert max(count_starts(moved).values()) <= L2.ways


def test_colliding_objects_begin_in_a_few_sets() -> None:
    spoilt = MUTANTS["colliding"](PLAN)
    starts = count_starts(spoilt)
    assert len(starts) <= PLACES + 1
    assert max(starts.values()) > 10 * L2.ways
    assert len(count_starts(PLAN)) > 100
    assert [p.slots for p in spoilt.pools] == [p.slots for p in PLAN.pools]
    ends = [p.high_offset + p.high_slots * p.stride_bytes for p in spoilt.pools]
    assert max(ends) <= spoilt.region_bytes


@pytest.mark.parametrize(
    "mutant", [["--mutant", name] for name in sorted(MUTANTS)] + [["--slab-bytes", "2MiB"]]
)
def test_the_command_writes_it_only_if_told_so(tmp_path: Path, mutant: list[str]) -> None:
    result, out = tmp_path / "memwalk.json", tmp_path / "out"
    result.write_bytes(RESULT.to_json())
    words = [str(result), "--out", str(out), *mutant]
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 1
    assert not out.exists()
    with pytest.raises(SystemExit) as written:
        main([*words, "--unproven"])
    assert written.value.code == 1
    assert not prove(load_map(out / "map.json")).holds
