# SPDX-License-Identifier: MIT
"""What ARCHITECTURE.md says of rooms and subrooms is what the code imports, and no way leads back.

import-linter holds the order of rooms and of most subrooms; here it is all packages and modules."""

from __future__ import annotations

import copy
import re
import tomllib
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest
from grimp import ImportGraph

from ground.paths import PROJECT

ARCHITECTURE = (PROJECT / "ARCHITECTURE.md").read_text()
ROOMS: list[str] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "root_packages"
]
WITH_SUBROOMS = ("artifact", "checks", "labs", "stingy", "testbed")
ROW = re.compile(r"^\| `(?:src/)?(\w+)/?` \| .* \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    """All imports, but those that only a type checker follows."""
    return grimp.build_graph(*ROOMS, exclude_type_checking_imports=True, cache_dir=None)


def list_packages(graph: ImportGraph) -> list[str]:
    """Those that contain modules or packages."""
    return sorted(module for module in graph.modules if graph.find_children(module))


def find_imports(graph: ImportGraph, part: str) -> set[str]:
    """What ``part``, a module or a package with all that is in it, imports."""
    inside = {part, *graph.find_descendants(part)}
    found = (graph.find_modules_directly_imported_by(module) for module in inside)
    return set().union(*found) - inside


def order_modules(graph: ImportGraph) -> None:
    """CycleError, with the way, if a module imports itself by any way."""
    imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    TopologicalSorter(imports).prepare()


def order_parts(graph: ImportGraph, package: str) -> None:
    """CycleError if parts of ``package`` (subrooms of a room, modules) import each other."""
    parts = graph.find_children(package)
    imports = {
        part: {
            other
            for module in find_imports(graph, part)
            for other in parts - {part}
            if f"{module}.".startswith(f"{other}.")
        }
        for part in parts
    }
    TopologicalSorter(imports).prepare()


def test_no_import_leads_back(graph: ImportGraph) -> None:
    assert len(graph.modules) > 350
    order_modules(graph)
    for package in list_packages(graph):
        order_parts(graph, package)


def test_one_that_leads_back_is_found(graph: ImportGraph) -> None:
    spoiled = copy.deepcopy(graph)
    spoiled.add_import(importer="artifact.statistics.bends", imported="artifact.study.claims.bend")
    with pytest.raises(CycleError):
        order_modules(spoiled)
    with pytest.raises(CycleError):
        order_parts(spoiled, "artifact")


def test_the_document_has_every_room_with_what_it_imports(graph: ImportGraph) -> None:
    table = ARCHITECTURE.partition("| room,")[2].partition("\n\n")[0]
    documented = dict(ROW.findall(table))
    assert set(documented) - {"invoke", "tasks"} == set(ROOMS)
    for room in ROOMS:
        said = documented[room]
        imported = {module.partition(".")[0] for module in find_imports(graph, room)}
        if said != "all below":  # the linter has what is below
            assert imported == {other for other in ROOMS if re.search(rf"\b{other}\b", said)}, room


def test_the_testbed_knows_of_the_builds_their_manifest_alone(graph: ImportGraph) -> None:
    imported = find_imports(graph, "testbed")
    assert {module for module in imported if module.startswith("forge")} == {"forge.manifest"}


@pytest.mark.parametrize("room", WITH_SUBROOMS)
def test_the_document_names_every_subroom(graph: ImportGraph, room: str) -> None:
    packages = {child for child in graph.find_children(room) if graph.find_children(child)}
    assert packages
    names = {package.rpartition(".")[2] for package in packages}
    folders = {name for name in names if (PROJECT / "labs" / name / "lab.toml").is_file()}
    assert {name for name in names - folders if f"`{name}`" not in ARCHITECTURE} == set()


def test_rooms_without_subrooms_have_none(graph: ImportGraph) -> None:
    for room in set(ROOMS) - set(WITH_SUBROOMS):
        assert not any(graph.find_children(child) for child in graph.find_children(room))
