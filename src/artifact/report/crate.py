# SPDX-License-Identifier: MIT
"""RO-Crate 1.1 metadata for a results folder, with the profile Process Run Crate 0.5: what each
file is, with its digest, and from which runs it was made by which command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from artifact.report.citation import Citation, Person, read_citation
from ground.files import canonical_json, digest_file, write_atomically

NAME = "ro-crate-metadata.json"
PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
# RO-Crate 1.1 itself has no word for a digest; the terms of workflow runs do.
CONTEXT: Final[JsonValue] = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
]
LICENCE: Final = "https://spdx.org/licenses/MIT"
AUTHORS: Final = "#authors"
TOOL: Final = "#tux-stingy"
PAPER: Final = "#paper"
DEED: Final = "#deed"
RUNS: Final = "#runs"
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".tex": "text/x-tex",
    ".md": "text/markdown",
}


@dataclass(frozen=True)
class Deed:
    """What made the files: the ``command``, the name of the ``plan`` in the folder, the
    ``digest`` of all results, the ``outcome`` in a sentence."""

    command: str
    plan: str
    digest: str
    outcome: str


def write_crate(folder: Path, files: Iterable[Path], deed: Deed, *, name: str) -> Path:
    """Write the metadata of ``files`` (in ``folder``), which ``deed`` made, and return its path.

    Entities are flat and refer to each other by id, as RO-Crate 1.1 asks for.  The document has
    no time of day: the same results give the same bytes.
    """
    citation = read_citation()
    listed = sorted({path.relative_to(folder).as_posix() for path in files})
    graph: list[JsonValue] = [
        *_describe_crate(citation, deed, name, listed),
        *_describe_context(citation),
        *_describe_deed(deed, [path for path in listed if path != deed.plan]),
        *[_describe_file(folder, path) for path in listed],
    ]
    document: JsonValue = {"@context": CONTEXT, "@graph": graph}
    path = folder / NAME
    write_atomically(path, canonical_json(document))
    return path


def withdraw_crate(folder: Path) -> None:
    """Take the metadata away before files of ``folder`` change: whatever ends the change early,
    what is no longer true does not stay."""
    (folder / NAME).unlink(missing_ok=True)


def _refer(ids: Iterable[str]) -> list[JsonValue]:
    return [{"@id": one} for one in ids]


def _describe_crate(
    citation: Citation, deed: Deed, name: str, listed: list[str]
) -> list[JsonValue]:
    """The document itself, and the folder that it is about."""
    return [
        {
            "@id": NAME,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": name,
            "description": deed.outcome,
            "datePublished": citation.date_released.isoformat(),
            "license": {"@id": LICENCE},
            "author": {"@id": AUTHORS},
            "publisher": {"@id": AUTHORS},
            "conformsTo": {"@id": PROFILE},
            "isBasedOn": {"@id": PAPER},
            "mentions": {"@id": DEED},
            "hasPart": _refer(listed),
        },
    ]


def _describe_deed(deed: Deed, made: list[str]) -> list[JsonValue]:
    """What was done, and the runs that it was done with."""
    return [
        {
            "@id": DEED,
            "@type": "CreateAction",
            "name": f"Measuring, judging and drawing: {deed.command}",
            "description": deed.outcome,
            "instrument": {"@id": TOOL},
            "agent": {"@id": AUTHORS},
            "object": _refer([deed.plan, RUNS]),
            "result": _refer(made),
        },
        {
            "@id": RUNS,
            "@type": "Dataset",
            "name": "The stored runs of the plan",
            "description": "One entry a run, in the run store; ./invoke results.export makes one "
            "file of them.",
            "identifier": f"sha256:{deed.digest}",
        },
    ]


def _describe_context(citation: Citation) -> list[JsonValue]:
    """What is not a file of the crate: profile, licence, tool, people, the paper."""
    paper = citation.find_paper()
    authors = [f"#{author.family_names.lower()}" for author in paper.authors]
    return [
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": "0.5",
        },
        {
            "@id": LICENCE,
            "@type": "CreativeWork",
            "name": "MIT License",
            "description": "Results are under the MIT licence.",
        },
        {
            "@id": AUTHORS,
            "@type": "Organization",
            "name": citation.authors[0].name,
        },
        {
            "@id": TOOL,
            "@type": "SoftwareApplication",
            "name": citation.title,
            "softwareVersion": citation.version,
            **({"url": citation.repository_code} if citation.repository_code else {}),
        },
        {
            "@id": PAPER,
            "@type": "ScholarlyArticle",
            "name": paper.title,
            "author": _refer(authors),
            "datePublished": str(paper.year),
        },
        *[_describe_author(*pair) for pair in zip(authors, paper.authors, strict=True)],
    ]


def _describe_author(identity: str, author: Person) -> JsonValue:
    return {
        "@id": identity,
        "@type": "Person",
        "name": f"{author.given_names} {author.family_names}",
        "givenName": author.given_names,
        "familyName": author.family_names,
    }


def _describe_file(folder: Path, path: str) -> dict[str, JsonValue]:
    file = folder / path
    return {
        "@id": path,
        "@type": "File",
        "name": path,
        "encodingFormat": MEDIA_TYPES.get(file.suffix, "application/octet-stream"),
        "contentSize": str(file.stat().st_size),
        "sha256": digest_file(file),
    }
