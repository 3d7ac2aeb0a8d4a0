# SPDX-License-Identifier: MIT
"""The key of the stage that rewrites TUX."""

import py_compile
from pathlib import Path

from forge.modules import digest_sources
from forge.variants import TOOLS, find_tools


def test_what_the_interpreter_keeps_is_no_tool(tmp_path: Path) -> None:
    """Else the key would change while the tools run, and the stage would be built again."""
    tool = tmp_path / "memwalk.py"
    tool.write_text("FLAG = 1\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "stingy.c.j2").write_text("int x;\n")
    before = digest_sources(find_tools(tmp_path))
    py_compile.compile(str(tool))
    assert list(tmp_path.rglob("*.pyc"))
    assert digest_sources(find_tools(tmp_path)) == before
    tool.write_text("FLAG = 2\n")
    assert digest_sources(find_tools(tmp_path)) != before


def test_tools_and_templates_are_found() -> None:
    found = find_tools(TOOLS)
    assert "memwalk.py" in found
    assert any(name.startswith("templates/") for name in found)
