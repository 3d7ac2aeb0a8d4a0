# SPDX-License-Identifier: MIT
"""The key of the stage that rewrites TUX; what the servers' descriptions ask of it."""

import py_compile
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from forge.modules import MODULES, digest_sources
from forge.variants import ANNOTATIONS, MAPS, RATED, TOOLS, Rewriting, find_tools
from testbed.guest.servers import find_servers, load_server


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
    assert "memwalk/command.py" in found
    assert any(name.startswith("templates/") for name in found)


@pytest.mark.parametrize("name", [n for n in find_servers() if n.startswith("tux")])
@pytest.mark.parametrize(
    "chosen", ["", *(n.removeprefix(f"{RATED}-") for n in MAPS if n.startswith(f"{RATED}-"))]
)
def test_a_server_loads_a_module_that_is_built(name: str, chosen: str) -> None:
    built = {f"/{module.installed}" for module in MODULES}
    built |= {f"/usr/lib/tux/{variant}/tux.ko" for variant in MAPS}
    (line,) = (text for text in load_server(name).setup if text.startswith("insmod"))
    path = line.split()[1]
    optional = re.compile(r"\$\{MAP:\+([^}]*)\}")
    path = optional.sub(lambda found: found[1] if chosen else "", path)
    path = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path)  # the default
    assert path.replace("$MAP", chosen) in built


def test_the_annotations_follow_the_sources(tmp_path: Path) -> None:
    """memwalk and stingify work on the folder in which the module was compiled."""
    calls: list[tuple[str, list[str]]] = []

    class Recorded(Rewriting):
        def _run(self, command: str, arguments: Sequence[str | Path], **_: object) -> None:
            calls.append((command, [str(word) for word in arguments]))

    class Place:
        scratch = tmp_path

    pipeline = Recorded(Place(), tmp_path / "linux")  # type: ignore[arg-type]
    pipeline.analyse()
    pipeline.rewrite()
    assert [command for command, _ in calls] == ["memwalk", "stingify"]
    for _, words in calls:
        assert words[0] == str(ANNOTATIONS)
        assert words[words.index("--root") + 1] == str(tmp_path / "linux")
