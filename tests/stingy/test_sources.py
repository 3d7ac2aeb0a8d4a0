# SPDX-License-Identifier: MIT
"""Compile commands as builds write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stingy.annotations import Sources
from stingy.sources import find_sources


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
