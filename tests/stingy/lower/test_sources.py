# SPDX-License-Identifier: MIT
"""Compile commands as builds write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ground.errors import UsageError
from stingy.lower.sources import find_sources
from stingy.model.annotations import Sources


@pytest.mark.parametrize("named", ["net/server/a.c", "{tree}/net/server/a.c"])
def test_the_input_is_no_flag_however_it_is_named(tmp_path: Path, named: str) -> None:
    root = tmp_path / "net" / "server"
    root.mkdir(parents=True)
    (root / "a.c").write_text("int a;\n")
    entry = {
        "directory": str(tmp_path),
        "file": str(root / "a.c"),
        "command": f"gcc -O2 -Wp,-MMD,a.d -DX=1 -c -o a.o {named.format(tree=tmp_path)}",
    }
    (tmp_path / "compile_commands.json").write_text(json.dumps([entry]))
    sources = Sources(files=("*.c",), compile_commands=Path("../../compile_commands.json"))
    (found,) = find_sources(sources, root)
    assert found.flags == ("-O2", "-DX=1")
    assert found.directory == tmp_path


def test_a_kernels_build_leaves_its_commands_beside_the_objects(tmp_path: Path) -> None:
    root = tmp_path / "net" / "server"
    root.mkdir(parents=True)
    (root / "a.c").write_text("int a;\n")
    (root / ".a.o.cmd").write_text(
        "savedcmd_net/server/a.o := gcc -Wp,-MMD,net/server/.a.o.d -I./include -DNAME='\"a\"' "
        "-c -o net/server/a.o net/server/a.c ; ./tools/objtool net/server/a.o\n\n"
        "source_net/server/a.o := net/server/a.c\n\ndeps_net/server/a.o := \\\n"
    )
    (root / ".server.o.cmd").write_text("savedcmd_net/server/server.o := ld -o server.o a.o\n")
    (found,) = find_sources(Sources(files=("*.c",), compile_commands=Path()), root)
    assert found.flags == ("-I./include", '-DNAME="a"')
    assert found.directory == tmp_path


def test_a_folder_without_a_build_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n")
    with pytest.raises(UsageError, match=r"no \.NAME\.o\.cmd files"):
        find_sources(Sources(files=("*.c",), compile_commands=Path()), tmp_path)


def test_a_command_that_cannot_be_read_is_refused_with_its_file(tmp_path: Path) -> None:
    root = tmp_path / "net" / "server"
    root.mkdir(parents=True)
    (root / "a.c").write_text("int a;\n")
    command = 'savedcmd_net/server/a.o := gcc -DNAME=\'"a" -c net/server/a.c\n'
    (root / ".a.o.cmd").write_text(f"{command}source_net/server/a.o := net/server/a.c\n")
    with pytest.raises(UsageError, match=r"a\.c cannot be read: No closing quotation"):
        find_sources(Sources(files=("*.c",), compile_commands="."), root)


def test_a_command_without_its_source_is_none(tmp_path: Path) -> None:
    root = tmp_path / "net" / "server"
    root.mkdir(parents=True)
    (root / "a.c").write_text("int a;\n")
    (root / ".a.o.cmd").write_text("savedcmd_net/server/a.o := gcc -c a.c\n\nsource_\n")
    with pytest.raises(UsageError, match=r"no \.NAME\.o\.cmd files"):
        find_sources(Sources(files=("*.c",), compile_commands="."), root)
