# SPDX-License-Identifier: MIT
"""memwalk record: what a build compiles, and how init uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ground.errors import ExitCode, UsageError
from stingy.proposal.recording import run_record
from stingy.proposal.sources import choose_sources

MAKEFILE = """\
server: main.o deep/part.o
\t$(CC) -o $@ $^
%.o: %.c
\t$(CC) -DANSWER=42 -Ideep -c -o $@ $<
depend:
\t$(CC) -MM *.c > .depend
"""
MAIN = '#include "part.h"\nint main(void) { return part() - ANSWER; }\n'
PART = '#include "part.h"\nint part(void) { return ANSWER; }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A program of make, with a file that it does not compile."""
    folder = tmp_path / "server"
    (folder / "deep").mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "main.c").write_text(MAIN)
    (folder / "deep" / "part.c").write_text(PART)
    (folder / "deep" / "part.h").write_text("int part(void);\n")
    (folder / "other.c").write_text("#error this is for another system\n")
    return folder


def test_every_compiled_file_is_recorded_once_with_its_flags(root: Path) -> None:
    code = run_record(["--root", str(root), "--", "sh", "-c", "make -s depend; make -s"])
    assert code is ExitCode.HOLDS
    assert (root / "server").is_file()  # it is a build like any other
    entries = json.loads((root / "compile_commands.json").read_text())
    assert {Path(e["directory"], e["file"]) for e in entries} == {
        root / "main.c", root / "deep/part.c",
    }  # fmt: skip
    assert all({"-DANSWER=42", "-Ideep"} <= set(e["arguments"]) for e in entries)


def test_init_reads_what_is_compiled_and_nothing_else(root: Path) -> None:
    before = choose_sources(root, (), ("-DANSWER=42", "-Ideep"), None)
    assert "other.c" in before.refused
    assert any("memwalk record" in note for note in before.notes)
    run_record(["--root", str(root), "--", "make", "-s"])
    after = choose_sources(root, (), (), None)
    assert not after.refused
    assert {unit.file for unit in after.units} == {"main.c", "deep/part.c"}


def test_a_build_that_fails_is_recorded_as_far_as_it_came(root: Path) -> None:
    (root / "deep" / "part.c").write_text("#error no\n")
    command = ["--root", str(root), "--", "make", "-s", "-k"]
    assert run_record(command) is ExitCode.DOES_NOT_HOLD
    assert (root / "compile_commands.json").is_file()


def test_nothing_compiled_is_an_error_with_a_remedy(root: Path) -> None:
    with pytest.raises(UsageError, match="compiled nothing") as error:
        run_record(["--root", str(root), "--", "true"])
    assert "clean first" in error.value.hint
