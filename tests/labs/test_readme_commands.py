# SPDX-License-Identifier: MIT
"""What the README of a hand-out says to type can be typed in a fresh hand-out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ground import process
from labs.catalogue import LabFile, list_entries
from labs.handout import write_handout
from tests.pages import find_inline_commands, is_form

NETWORK = "./setup"  # installs packages; test_tryout.py runs that of a platform
ENDLESS = "mkdir corpus && ./fuzz -max_len=600 -dict=http.dict corpus"  # until Ctrl-C
OWN = "./memwalk annotations.toml server"  # says where the student's annotations are wrong
FAILS = {"./check": 1, OWN: 2}  # in a hand-out in which nothing was done yet


def list_typed(entry: LabFile) -> list[str]:
    found = find_inline_commands(entry.folder / "README.md")
    return list(dict.fromkeys(command for command in found if not is_form(command)))


@pytest.mark.parametrize("entry", list_entries(), ids=lambda entry: entry.name)
def test_the_commands_of_a_readme(entry: LabFile, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    write_handout(entry, folder)
    (folder / ".venv").symlink_to(sys.prefix)  # what ./setup makes
    for command in list_typed(entry):
        if command == NETWORK:
            continue
        typed = command.replace("./fuzz", "./fuzz -runs=1") if command == ENDLESS else command
        done = process.run(["sh", "-c", typed], cwd=folder, check=False)
        assert done.returncode == FAILS.get(command, 0), f"{command}\n{done.stdout}{done.stderr}"


def test_every_lab_in_c_says_how_to_compile_it() -> None:
    for entry in list_entries():
        if (entry.folder / "handout" / "Makefile").exists():
            assert any(command.startswith("make") for command in list_typed(entry)), entry.name
