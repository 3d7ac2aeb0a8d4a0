# SPDX-License-Identifier: MIT
"""The guide works as it stands: its commands are run, and what comes out is the same server."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from ground import process
from ground.paths import PROJECT
from stingy.model.annotations import Annotations
from tests.pages import list_commands, read_blocks, run_command
from tests.servers.load import converse
from tests.servers.running import build_server, run_server

GUIDE = PROJECT / "docs" / "optimise-your-server.md"


def test_the_annotations_in_the_guide_are_valid() -> None:
    (text,) = read_blocks(GUIDE, "toml")
    Annotations.model_validate(tomllib.loads(text))


@pytest.fixture(scope="module")
def commands() -> list[str]:
    """Every command of the guide that a shell can be given as it stands."""
    return list_commands(GUIDE)


@pytest.fixture(scope="module")
def rewritten(commands: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server that the guide's commands make."""
    folder = tmp_path_factory.mktemp("guide")
    chosen = [c for c in commands if re.match(r"(memwalk|stingygen|stingify|patch|make) ", c)]
    mine = [c for c in chosen if "/cascade" in c]
    assert [c.split()[0] for c in mine] == [
        "memwalk",
        "memwalk",
        "stingygen",
        "stingify",
        "patch",
        "make",
    ]
    for part in ("examples", "docs"):
        (folder / part).symlink_to(PROJECT / part)
    for command in mine:
        run_command(command, folder)
    (started,) = [c for c in commands if c.startswith("out/")]
    return folder / started.split()[0]


@pytest.mark.slow
def test_the_commands_of_the_guide(rewritten: Path, tmp_path: Path, root: Path) -> None:
    stock = build_server(PROJECT / "examples/cascade", "cascade", tmp_path / "stock")
    answers = []
    for program in (stock, rewritten):
        with run_server(program, root) as server:
            answers.append(converse(server))
    assert answers[0] == answers[1]


@pytest.mark.slow
def test_nothing_spills_as_the_guide_says(rewritten: Path, commands: list[str]) -> None:
    (load,) = [c for c in commands if c.startswith("ab ")]
    with process.start([rewritten, "-p", "0", PROJECT / "docs"]) as child:
        assert child.stdout
        port = child.stdout.readline().decode().split()[1]
        ab = process.run(shlex.split(load.replace(":8080", f":{port}")), timeout_s=300)
        child.terminate()
        shown, _ = child.communicate(timeout=60)
    assert re.search(r"^Failed requests: +0$", ab.stdout, re.MULTILINE)
    table = shown.decode().split("pool ")[0].splitlines()
    rows = [dict(zip(table[0].split(), line.split(), strict=True)) for line in table[1:]]
    assert {row["object"] for row in rows} >= {"conn", "chunk"}
    assert {row["spills"] for row in rows} == {"0"}
    assert {row["failures"] for row in rows} == {"0"}
    assert max(int(row["peak"]) for row in rows) <= 141  # as the guide says


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(3600)
def test_the_other_servers_of_the_guide(commands: list[str], tmp_path: Path) -> None:
    """switchboard, and TUX in its kernel; stingify says with 1 that it refuses objects of TUX."""
    for part in ("examples", "experiments", "src"):
        (tmp_path / part).symlink_to(PROJECT / part)
    for command in commands[commands.index(next(c for c in commands if "switchboard" in c)) :]:
        result = run_command(command, tmp_path, timeout_s=1800, check=False)
        refuses = command.startswith("stingify experiments")
        assert result.returncode == (1 if refuses else 0), f"{command}: {result.stderr[-2000:]}"
    assert (tmp_path / "out" / "linux" / "net" / "tux" / "tux.ko").is_file()
    assert (tmp_path / "out" / "switchboard" / "new" / "source" / "build" / "switchboard").is_file()
