# SPDX-License-Identifier: MIT
"""What goes into the container's image."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from forge.container import PROJECT_PARTS
from ground import process
from ground.paths import PROJECT


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The project as the image holds it."""
    target = tmp_path / "project"
    for part in PROJECT_PARTS:
        source, copy = PROJECT / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return target


@pytest.mark.timeout(1800)
def test_the_parts_are_all_that_a_sweep_reads(parts: Path, tmp_path: Path) -> None:
    """A rehearsed tier ends with figures, report and draft; no program is there to be found."""
    nowhere = tmp_path / "bin"
    nowhere.mkdir()
    environment = {"PYTHONPATH": f"{parts / 'src'}:{parts}", "PATH": str(nowhere)}
    rehearse = ["reproduce", "--tier", "kick", "--rehearse", "--out", tmp_path / "results"]
    process.run(
        [sys.executable, "-m", "invoke", *rehearse], cwd=parts, env=environment, timeout_s=1200
    )
    assert list(tmp_path.glob("results/**/kick/draft.pdf"))
