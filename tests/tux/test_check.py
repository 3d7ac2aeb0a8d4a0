# SPDX-License-Identifier: MIT
"""What `./invoke tux.check` runs, and what a variant's description makes a guest load."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from checks import suite
from forge.variants import CHECKED_MAPS, MAPS
from ground.errors import ExitCode, UsageError
from ground.paths import PROJECT
from tests.tux.variants import RESERVED, STOCK, find_session_variant, find_variant

Runs = list[tuple[list[str], dict[str, str]]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """The command lines and environments with which pytest would have been started."""
    started: Runs = []

    def run(command: list[str], *, env: dict[str, str], **_: object) -> SimpleNamespace:
        started.append((command, env))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return started


def test_stock_is_checked_by_what_is_deep(runs: Runs) -> None:
    assert suite.run_deep(select="comparison", parameters="", variant="tux") is ExitCode.HOLDS
    ((command, environment),) = runs
    assert command[1:] == [
        *("-m", "pytest", "-q", "-m", "deep", "-k", "comparison", "tests/tux"),
    ]
    assert (environment["TUX_VARIANT"], environment["TUX_PARAMETERS"]) == ("tux", "")


def test_the_others_are_checked_in_every_guest(runs: Runs) -> None:
    """And in guests alone: a process is made of stock's sources."""
    suite.run_deep(select="life or log", parameters="patience=7", variant="tux-stingy")
    ((command, environment),) = runs
    assert command[-3:] == ["-k", "(life or log) and (tux-vm or tux-debug)", "tests/tux"]
    assert command[command.index("-q") + 2] == "deep or real"
    assert environment["TUX_VARIANT"] == "tux-stingy"


def test_the_selection_finds_tests_in_both_guests() -> None:
    """pytest itself takes the expression, and what it leaves has a guest each."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", "deep or real"]
    command += ["-k", f"(life) and ({suite.IN_A_GUEST})", "tests/tux"]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    names = [line for line in found.stdout.splitlines() if "::" in line]
    assert any("test_stop_and_start_under_load[tux-vm]" in name for name in names)
    assert any("test_stop_and_start_under_load[tux-debug]" in name for name in names)
    assert all("tux-vm" in name or "tux-debug" in name for name in names)


@pytest.mark.parametrize("name", ["tux-stringy", "nginx", "tux-mutant-page", ""])
@pytest.mark.parametrize(
    "ask",
    [find_variant, lambda name: suite.run_deep(select="", parameters="", variant=name)],
)
def test_an_unknown_variant_is_refused_with_those_that_there_are(
    name: str, ask: Callable[[str], object], runs: Runs
) -> None:
    with pytest.raises(UsageError) as refused:
        ask(name)
    for known in ("tux, ", "tux-stingy, ", "tux-allocator, ", "tux-stingy-net", "tux-pools, "):
        assert known in str(refused.value.hint)
    assert not runs


@pytest.mark.parametrize(
    ("name", "module", "parameters"),
    [
        ("tux", STOCK, {}),
        ("tux-cohort", STOCK, {"policy": "cohort"}),
        ("tux-allocator", "stingy", {"policy": "fifo"}),
        ("tux-stingy", "stingy", {"policy": "stingy"}),
        ("tux-stingy-net", "stingy", {"policy": "stingy", "admission": "40"}),
        ("tux-pools", "pools", {"policy": "stingy"}),
    ],
)
def test_what_is_loaded(name: str, module: str, parameters: dict[str, str]) -> None:
    """As images/servers says, with nothing set that a run may set."""
    variant = find_variant(name)
    assert variant.module == module
    assert variant.parameters == parameters | {"mark_regions": "0"}
    assert variant.arguments == ("" if module == STOCK else RESERVED)


@pytest.mark.parametrize("name", suite.find_variants())
def test_every_variant_is_built_for_every_kernel(name: str) -> None:
    module = find_variant(name).module
    assert module == STOCK or module in MAPS.keys() & CHECKED_MAPS.keys()


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variant; parameters go before its own."""
    monkeypatch.delenv("TUX_VARIANT", raising=False)
    monkeypatch.delenv("TUX_PARAMETERS", raising=False)
    assert find_session_variant() == find_variant("tux")
    monkeypatch.setenv("TUX_VARIANT", "tux-stingy")
    monkeypatch.setenv("TUX_PARAMETERS", "policy=cohort patience=9")
    found = find_session_variant()
    assert found.load_line == (
        "insmod /usr/lib/tux/stingy/tux.ko policy=cohort mark_regions=0 patience=9"
    )
