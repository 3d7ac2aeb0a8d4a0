# SPDX-License-Identifier: MIT
"""What replay installs: all that it needs, nothing that is not locked, and no more."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from artifact.kit.requirements import (
    BLOCK,
    LOCK,
    find_closure,
    format_replay_lock,
    select_blocks,
)
from ground.paths import PROJECT

LOCKED = """\
one==1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
two-more==2 \\
    --hash=sha256:cc
"""


def test_blocks_are_taken_whole() -> None:
    assert select_blocks(LOCKED, {"one"}) == [LOCKED[: LOCKED.index("two")]]
    assert "".join(select_blocks(LOCKED, {"two-more", "one"})) == LOCKED


def test_needs_of_needs_are_followed_and_extras_are_not() -> None:
    needs = {
        "a": ["B>=1", 'c; extra == "test"', 'd; python_version < "3"'],
        "b": ["a"],
        "d": ["e_e"],
    }

    def list_needs(name: str) -> list[str]:
        if name not in needs:
            raise metadata.PackageNotFoundError(name)
        return needs[name]

    assert find_closure(["a"], list_needs) == {"a", "b", "d", "e-e"}


PROGRAM = """\
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
import artifact.cli, artifact.replay, artifact.reproduce, tasks
"""


def test_replay_needs_nothing_else() -> None:
    """Its modules load where the other packages are not installed."""
    chosen = {match[1] for match in BLOCK.finditer(format_replay_lock())} | {"tux-stingy"}
    absent = [
        module
        for module, homes in metadata.packages_distributions().items()
        if not {canonicalize_name(home) for home in homes} & chosen
    ]
    assert {"packer", "pytest", "mypy"} <= {*absent}
    subprocess.run([sys.executable, "-c", PROGRAM, *absent], cwd=PROJECT, check=True)


@pytest.mark.parametrize("tool", ["mypy", "ruff", "pytest", "reuse", "python-packer", "hypothesis"])
def test_tools_and_what_builds_images_are_left_out(tool: str) -> None:
    assert f"\n{tool}==" in LOCK.read_text()
    assert f"\n{tool}==" not in format_replay_lock()
