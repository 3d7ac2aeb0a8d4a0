# SPDX-License-Identifier: MIT
"""What archives are told: made from CITATION.cff alone, and as their validators want it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifact.report.citation import (
    CODEMETA,
    SOURCE,
    ZENODO,
    find_stale,
    read_citation,
    render_codemeta,
    render_metadata,
    render_zenodo,
    write_metadata,
)
from artifact.report.crate import PROFILE, Deed, write_crate
from ground.errors import UsageError
from ground.paths import PROJECT

DEED = Deed("./invoke reproduce", "plan.json", "0" * 64, "1 claim: 1 REPRODUCED.")


def test_the_committed_files_are_those_that_the_citation_makes() -> None:
    assert find_stale() == []


def test_every_licence_of_the_project_is_in_the_citation() -> None:
    texts = {path.stem for path in (PROJECT / "LICENSES").iterdir()}
    assert set(read_citation().license) == texts


def test_a_file_that_was_edited_by_hand_is_found(tmp_path: Path) -> None:
    write_metadata(tmp_path)
    assert find_stale(tmp_path) == []
    path = tmp_path / ZENODO
    path.write_text(path.read_text().replace("2026", "2027"))
    (tmp_path / CODEMETA).unlink()
    assert find_stale(tmp_path) == [ZENODO, CODEMETA]


def test_every_fact_of_the_citation_is_told_to_both(tmp_path: Path) -> None:
    text = SOURCE.read_text().replace("version: 0.1.0", 'version: "7.8.9"')
    path = tmp_path / "CITATION.cff"
    path.write_text(text.replace("tux-stingy authors", "Ärzte & Co"))
    citation = read_citation(path)
    assert set(render_metadata(citation)) == {ZENODO, CODEMETA}
    zenodo: Any = render_zenodo(citation)
    codemeta: Any = render_codemeta(citation)
    assert zenodo["version"] == codemeta["version"] == "7.8.9"
    assert zenodo["creators"][0]["name"] == codemeta["author"][0]["name"] == "The Ärzte & Co"
    assert zenodo["publication_date"] == codemeta["datePublished"]
    assert citation.license[0] == zenodo["license"]
    assert "Ärzte" in render_metadata(citation)[ZENODO]


def test_types_of_codemeta_are_terms_of_its_context() -> None:
    """Another type is one of schema.org's and says so: without the prefix it would be an address
    relative to the file."""
    codemeta: Any = render_codemeta(read_citation())
    paper = codemeta["referencePublication"]
    agents = [*codemeta["author"], *paper["author"]]
    assert {one["type"] for one in agents} <= {"Organization", "Person"}
    assert (codemeta["type"], paper["type"]) == ("SoftwareSourceCode", "schema:ScholarlyArticle")


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("version: 0.1.0\n", "", "version"),
        ("date-released: 2026", "date-released: soon", "date-released"),
        ("type: software", "colour: red\ntype: software", "colour"),
        ("authors:", "authors: [", "CITATION.cff"),
    ],
)
def test_a_broken_citation_is_refused_by_field(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    text = SOURCE.read_text()
    assert before in text
    path = tmp_path / "CITATION.cff"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(UsageError, match=complaint):
        read_citation(path)


def make_crate(folder: Path) -> dict[str, Any]:
    for name in ("plan.json", "verdicts.json", "report.html"):
        (folder / name).write_text(name)
    path = write_crate(folder, sorted(folder.iterdir()), DEED, name="A tier")
    return {entity["@id"]: entity for entity in json.loads(path.read_text())["@graph"]}


def find_references(value: object) -> set[str]:
    """Ids that ``value`` refers to; AssertionError if an entity is nested in it."""
    if isinstance(value, list):
        return set().union(*(find_references(item) for item in value))
    if isinstance(value, dict):
        assert set(value) == {"@id"}, value
        return {value["@id"]}
    return set()


def test_entities_of_the_crate_are_flat_and_all_there(tmp_path: Path) -> None:
    entities = make_crate(tmp_path)
    outside = {"https://w3id.org/ro/crate/1.1"}
    for entity in entities.values():
        for name, value in entity.items():
            assert name == "@id" or find_references(value) <= {*entities, *outside}
    people = {e["name"] for e in entities.values() if e["@type"] == "Person"}
    assert people == {"Sapan Bhatia", "Charles Consel", "Julia Lawall"}


def test_the_crate_says_what_was_done_to_what(tmp_path: Path) -> None:
    entities = make_crate(tmp_path)
    root = entities["./"]
    assert root["conformsTo"] == {"@id": PROFILE}
    deed = entities[root["mentions"]["@id"]]
    assert deed["@type"] == "CreateAction"
    assert entities[deed["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert find_references(deed["object"]) == {"plan.json", "#runs"}
    assert find_references(deed["result"]) == {"verdicts.json", "report.html"}
    assert DEED.digest in entities["#runs"]["identifier"]
