# SPDX-License-Identifier: MIT
"""CITATION.cff, the one source of names, dates and licences, and what archives want to be told:
``.zenodo.json`` (Zenodo reads it in the place of CITATION.cff) and ``codemeta.json``."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ground.documents import MisfitError, fit
from ground.errors import UsageError
from ground.files import write_atomically
from ground.paths import PROJECT

SOURCE: Final = PROJECT / "CITATION.cff"
ZENODO: Final = ".zenodo.json"
CODEMETA: Final = "codemeta.json"
REMEDY: Final = "correct CITATION.cff, then ./invoke metadata --write"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_dashed)


class Entity(_Block):
    """An author that is not a person."""

    name: str


class Person(_Block):
    """An author of the paper."""

    family_names: str
    given_names: str


class Conference(_Block):
    """Where the paper was read."""

    name: str


class Paper(_Block):
    """The paper that this artifact rebuilds."""

    type: str
    title: str
    authors: tuple[Person, ...]
    conference: Conference
    year: int


class Identifier(_Block):
    """A DOI or SWHID, once the artifact is deposited."""

    type: str
    value: str
    description: str = ""


class Citation(_Block):
    """What CITATION.cff says, in the fields that this project uses."""

    cff_version: str
    message: str
    title: str
    abstract: str
    type: str
    version: str
    date_released: date
    license: tuple[str, ...]
    authors: Annotated[tuple[Entity, ...], Field(min_length=1)]
    keywords: tuple[str, ...]
    repository_code: str = ""
    identifiers: tuple[Identifier, ...] = ()
    references: Annotated[tuple[Paper, ...], Field(min_length=1)]

    def find_paper(self) -> Paper:
        """The paper: the first reference."""
        return self.references[0]


def read_citation(path: Path = SOURCE) -> Citation:
    """The citation at ``path``.  Raises UsageError, naming the field, if it is none."""
    try:
        return fit(Citation, yaml.safe_load(path.read_text(encoding="utf-8")))
    except MisfitError as misfit:
        raise UsageError(f"{path}: {misfit}", hint=REMEDY) from None
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {str(error).splitlines()[0]}", hint=REMEDY) from None


def render_zenodo(citation: Citation) -> JsonValue:
    """What Zenodo's deposit form asks for."""
    paper = citation.find_paper()
    authors = ", ".join(f"{a.given_names} {a.family_names}" for a in paper.authors)
    return {
        "title": citation.title,
        "description": citation.abstract,
        "upload_type": "software",
        "version": citation.version,
        "publication_date": citation.date_released.isoformat(),
        "access_right": "open",
        "license": citation.license[0],
        "creators": [{"name": author.name} for author in citation.authors],
        "keywords": [*citation.keywords],
        "notes": f"{citation.message} Licences by file: {' and '.join(citation.license)}.",
        "references": [f"{authors}. {paper.title}. {paper.conference.name}, {paper.year}."],
    }


def render_codemeta(citation: Citation) -> JsonValue:
    """CodeMeta 3.0."""
    paper = citation.find_paper()
    optional = {"codeRepository": citation.repository_code} if citation.repository_code else {}
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "type": "SoftwareSourceCode",
        "name": citation.title,
        "description": citation.abstract,
        "version": citation.version,
        "datePublished": citation.date_released.isoformat(),
        "license": [f"https://spdx.org/licenses/{name}" for name in citation.license],
        "author": [{"type": "Organization", "name": author.name} for author in citation.authors],
        "keywords": [*citation.keywords],
        "identifier": [one.value for one in citation.identifiers],
        "programmingLanguage": ["Python", "C"],
        "operatingSystem": "Linux",
        "processorRequirements": "x86-64",
        "memoryRequirements": "8 GB",
        "storageRequirements": "15 GB",
        "referencePublication": {
            "type": "schema:ScholarlyArticle",  # no term of CodeMeta's own
            "name": paper.title,
            "author": [
                {"type": "Person", "givenName": a.given_names, "familyName": a.family_names}
                for a in paper.authors
            ],
            "datePublished": str(paper.year),
        },
        **optional,
    }


def render_metadata(citation: Citation) -> dict[str, str]:
    """Names and texts of the files that are made from the citation."""
    documents = {ZENODO: render_zenodo(citation), CODEMETA: render_codemeta(citation)}
    return {
        name: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in documents.items()
    }


def write_metadata(folder: Path = PROJECT) -> list[Path]:
    """Write what is made from the citation into ``folder``."""
    paths = []
    for name, text in render_metadata(read_citation()).items():
        write_atomically(folder / name, text.encode())
        paths.append(folder / name)
    return paths


def find_stale(folder: Path = PROJECT) -> list[str]:
    """Names of the files in ``folder`` that are not what the citation says now."""
    wanted = render_metadata(read_citation())
    return [
        name
        for name, text in wanted.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
