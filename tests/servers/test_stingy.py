# SPDX-License-Identifier: MIT
"""Both variants answer alike, also when the cache slab spills and when all slabs are full."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ground import process
from stingy.stingygen.map import Map, Parameters
from tests.servers.load import converse, load_server
from tests.servers.rewritten import rewrite_server
from tests.servers.running import EXAMPLES, NAMES, build_server, run_server

# Ends the program with its counters, so that a test can see them.
REPORT = """
#include <stdlib.h>
#include "stingy.h"
static void show(void)
{
	FILE *stream = fopen(getenv("STINGY_REPORT"), "w");

	if (stream) {
		stingy_show(stream);
		fclose(stream);
	}
}
__attribute__((constructor)) static void register_show(void)
{
	atexit(show);
}
"""


def build(name: str, out: Path, parameters: Parameters) -> tuple[Path, Map]:
    """The Stingy variant under the sanitizers, which reports its counters at its end."""
    source, plan, _ = rewrite_server(name, out, parameters)
    (source / "report.c").write_text(REPORT)
    return build_server(source, name, out / "build", "SANITIZE=1"), plan


def read_counters(path: Path) -> dict[str, list[int]]:
    """Rows of objects: live, peak, allocs, frees, spills, failures, oversize."""
    rows = re.findall(r"^(\w+)((?: \d+)+)$", path.read_text(), re.MULTILINE)
    found: dict[str, list[int]] = {}
    for name, numbers in rows:
        found.setdefault(name, [int(n) for n in numbers.split()])
    return found


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


@pytest.fixture(scope="module")
def expected(name: str, root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What stock answers."""
    stock = build_server(EXAMPLES / name, name, tmp_path_factory.mktemp(name), "SANITIZE=1")
    with run_server(stock, root) as server:
        return converse(server)


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(),
        Parameters(red_zone_bytes=64),
        Parameters(slab_bytes=64 * 1024),  # spills under load
    ],
    ids=["default", "debug", "small slab"],
)
def test_same_bytes_as_stock(
    name: str, parameters: Parameters, expected: list[bytes], root: Path, tmp_path: Path
) -> None:
    program, plan = build(name, tmp_path, parameters)
    counters = tmp_path / "counters"
    with run_server(program, root, env={"STINGY_REPORT": str(counters)}) as server:
        assert converse(server) == expected
        load_server(server, 60, 3)
        assert converse(server) == expected
    rows = read_counters(counters)
    assert rows["bad_frees"] == rows["corruptions"] == [0]
    for item in plan.objects:
        live, peak, allocs, frees, spills, failures, oversize = rows[item.name]
        assert (live, failures, oversize) == (0, 0, 0)
        assert allocs == frees >= peak
        pool = next(p for p in plan.pools if item.name in p.objects)
        if len(pool.objects) == 1:
            assert (spills > 0) == (peak > pool.slots)


def test_full_slabs_cost_requests_but_not_the_server(
    name: str, expected: list[bytes], root: Path, tmp_path: Path
) -> None:
    program, plan = build(name, tmp_path, Parameters(slab_bytes=64 * 1024, requests=3))
    counters = tmp_path / "counters"
    load = ["ab", "-q", "-r", "-c", "40", "-n", "400"]
    with run_server(program, root, env={"STINGY_REPORT": str(counters)}) as server:
        process.run([*load, f"http://127.0.0.1:{server.port}/8192.bin"], check=False)
        assert converse(server) == expected
    rows = read_counters(counters)
    assert sum(rows[item.name][5] for item in plan.objects) > 0
    assert all(rows[item.name][0] == 0 for item in plan.objects)
    assert rows["bad_frees"] == [0]
