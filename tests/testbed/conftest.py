# SPDX-License-Identifier: MIT
"""Fixtures: a small experiment, and a healthy synthetic run that a test may spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.experiment import Experiment
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads.ab import Ab
from tests.testbed.synthetic import SyntheticRun


@pytest.fixture
def experiment() -> Experiment:
    """A small closed-loop experiment on the default geometry."""
    file = load_geometry("banias-1400")
    return Experiment(
        server="nginx",
        load=Ab(concurrency=20, requests=4000),
        geometry=file.geometry,
        core=file.core,
        platform=load_platform(DEFAULT_PLATFORM).platform,
    )


@pytest.fixture
def synthetic_run(experiment: Experiment, tmp_path: Path) -> SyntheticRun:
    """A healthy run that no test has spoilt yet."""
    return SyntheticRun(experiment, tmp_path)
