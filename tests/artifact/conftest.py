# SPDX-License-Identifier: MIT
"""A small design and its plan, shared by the tests of the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifact.runs.plan import Plan, make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.study.designs import Design, Tier, parse_design

SMALL = """
id = "small"
title = "A small experiment"
question = "Does the pipeline work?"
geometry = "banias-1400"
[requests]
64 = 500
5000 = 15000
[tier.kick]
servers = ["nginx"]
levels = [8, 64]
seeds = 1
[tier.quick]
servers = ["nginx", "apache"]
levels = [1, 8, 40, 2500, 4500]
seeds = 5
"""


@pytest.fixture
def design_text() -> str:
    return SMALL


@pytest.fixture
def design() -> Design:
    return parse_design(SMALL, Path("small.toml"))


@pytest.fixture
def runner() -> SyntheticRunner:
    return SyntheticRunner()


@pytest.fixture
def plan(design: Design, runner: SyntheticRunner) -> Plan:
    return make_plan(Tier.QUICK, [design], runner.products)
