# SPDX-License-Identifier: MIT
"""The guide works as it stands: its commands are run, and what comes out is the same server."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from ground import process
from ground.places import PROJECT
from stingy.annotations import Annotations
from tests.servers.load import converse
from tests.servers.running import build_server, run_server

GUIDE = PROJECT / "docs" / "optimise-your-server.md"


def read_blocks(language: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return [text for found, text in blocks if found == language]


def test_the_annotations_in_the_guide_are_valid() -> None:
    (text,) = read_blocks("toml")
    Annotations.model_validate(tomllib.loads(text))


@pytest.mark.slow
def test_the_commands_of_the_guide(tmp_path: Path, root: Path) -> None:
    commands = [line for block in read_blocks("") for line in block.splitlines()]
    chosen = [c for c in commands if re.match(r"(memwalk|stingygen|stingify|make) ", c)]
    assert len(chosen) == 4
    (tmp_path / "tests").symlink_to(PROJECT / "tests")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for command in chosen:
        process.run(["sh", "-c", command], cwd=tmp_path, env={"PATH": path}, timeout_s=300)
    (ready,) = [c for c in commands if c.startswith("out/")]
    rewritten = tmp_path / ready.split()[0]
    stock = build_server(PROJECT / "tests/servers/cascade", "cascade", tmp_path / "stock")
    answers = []
    for program in (stock, rewritten):
        with run_server(program, root) as server:
            answers.append(converse(server))
    assert answers[0] == answers[1]
