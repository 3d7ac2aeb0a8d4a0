# SPDX-License-Identifier: MIT
"""stingygen as its user calls it: files, exit codes, errors that name the remedy."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from stingy.stingygen.command import main
from stingy.stingygen.demand import GlobalDemand
from stingy.stingygen.drawing import find_extents
from stingy.stingygen.generate import Target, generate
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Parameters, load_map
from stingy.stingygen.plan import plan_map
from stingy.stingygen.proof import prove
from tests.stingy.demands import WEB
from tests.stingy.results import RESULT


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "memwalk.json"
    path.write_bytes(RESULT.to_json())
    return path


def call(*words: str | Path) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_writes_map_figure_and_allocator(result: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call(result, "--out", out) == 0
    assert {p.name for p in out.iterdir()} == {"map.json", "map.svg", "stingy.h", "stingy.c"}
    plan = load_map(out / "map.json")
    assert prove(plan).holds
    assert plan.l2 == load_l2("banias-1400")
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    assert call(result, "--out", out) == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_what_is_left_out_leaves_its_room_to_others(result: Path, tmp_path: Path) -> None:
    assert call(result, "--out", tmp_path / "all") == 0
    assert call(result, "--out", tmp_path / "some", "--without", "buffer") == 0
    whole, some = (load_map(tmp_path / name / "map.json") for name in ("all", "some"))
    assert [o.name for o in some.objects] == ["conn", "scratch"]
    assert some.requests_in_cache > 2 * whole.requests_in_cache
    assert all("buffer" not in stage.to_end for stage in some.stages)
    assert prove(some).holds


def test_json_has_map_and_proof(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(result, "--out", tmp_path, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["proof"]["lines"] == document["proof"]["distinct"] == 12288
    assert document["map"]["schema_version"] == 1


def test_a_slab_larger_than_the_cache_is_written_on_request_only(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call(result, "--out", out, "--slab-bytes", "2MiB") == 1
    assert not out.exists()
    assert "lines find no way" in " ".join(capsys.readouterr().err.split())
    assert call(result, "--out", out, "--slab-bytes", "2MiB", "--unproven") == 1
    assert (out / "stingy.c").exists()


def test_what_requests_touch_outside_makes_the_slab_smaller(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(result, "--out", tmp_path / "slab") == 0
    capsys.readouterr()
    assert call(result, "--out", tmp_path / "all", "--outside-bytes", "6KiB") == 0
    assert "with 6,144 bytes of each beside it" in " ".join(capsys.readouterr().out.split())
    slab, all_ = (load_map(tmp_path / name / "map.json") for name in ("slab", "all"))
    assert all_.slab("cache").bytes < slab.slab("cache").bytes == 768 * 1024
    assert all_.requests_in_cache < slab.requests_in_cache


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--geometry", "pentium"], "no geometry 'pentium'"),
        (["--slab-bytes", "1000"], "not whole pages"),
        (["--slab-bytes", "many"], "'many' is not a size"),
        (["--slab-bytes", "4KiB"], "give a larger --slab-bytes"),
        (["--outside-bytes", "much"], "'much' is not a size"),
        (
            ["--outside-bytes=-1"],
            "--outside-bytes: -1 is too small try: write a number of at least 0",
        ),
        (["--outside-bytes", "1MiB"], "1048576 outside of it; there are 786432"),
        (["--weight", "conn"], "is not OBJECT=X"),
        (["--without", "cnn"], "choose from buffer, conn, endless, given, scratch, unbounded"),
        (["--weight", "cnn=2"], "has no object 'cnn'"),
        (["--weight", "conn=0"], "--weight: 0.0 is too small"),
        (["--share-left", "1.5"], "--share-left: 1.5 is too large try: write a number below 1"),
        (["--requests", "0"], "--requests: 0 is too small"),
        (["--requests", "70000"], "give fewer --requests"),
    ],
)
def test_errors_name_flag_and_remedy(
    result: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert call(result, "--out", tmp_path / "out", *words) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_truncated_result_is_refused(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result.write_bytes(result.read_bytes()[:-40])
    assert call(result, "--out", tmp_path / "out") == 2
    assert "make it with: memwalk" in " ".join(capsys.readouterr().err.split())
    assert call(tmp_path / "absent.json", "--out", tmp_path / "out") == 2


def test_the_figure_is_to_scale() -> None:
    plan = plan_map(WEB, load_l2("banias-1400"), Parameters())
    extents = find_extents(plan)
    assert extents[0].start == 0
    assert extents[-1].end == plan.slab("cache").bytes
    assert all(a.end == b.start for a, b in pairwise(extents))
    by_name = {e.name: e.end - e.start for e in extents}
    assert by_name["header"] == 3008 * plan.requests_in_cache


def test_the_kernels_caches_instead_of_slabs(result: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call(result, "--out", out, "--target", "kernel", "--backing", "kmem_cache") == 0
    header, body = ((out / name).read_text() for name in ("stingy.h", "stingy.c"))
    assert (out / "stingy_trace.h").is_file()
    assert "kmem_cache_create" in body
    assert "STINGY_REGION_BYTES" not in header + body
    slabs = tmp_path / "slabs"
    assert call(result, "--out", slabs, "--target", "kernel") == 0
    lost = {"stingy_owns", "stingy_stack_top", "stingy_globals"}
    names = re.compile(r"\b(stingy_\w+)\(")
    there = set(names.findall((slabs / "stingy.h").read_text()))
    assert set(names.findall(header)) == there - lost


@pytest.mark.parametrize("flags", [("--target", "user"), ("--target", "kernel", "--debug")])
def test_the_kernels_caches_are_the_kernels(
    result: Path, tmp_path: Path, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call(result, "--out", out, "--backing", "kmem_cache", *flags) == 2
    assert "--target kernel" in capsys.readouterr().err
    assert not out.exists()


def test_static_variables_of_one_name_have_constants_of_their_own() -> None:
    same = tuple(GlobalDemand(name="instances", bytes=16) for _ in range(3))
    plan = plan_map(WEB.model_copy(update={"globals": same}), load_l2("banias-1400"), Parameters())
    header = generate(plan, Target.USER)["stingy.h"]
    defined = re.findall(r"#define (STINGY_GLOBAL_INSTANCES\w*)", header)
    assert len(defined) == len(set(defined)) == 3
