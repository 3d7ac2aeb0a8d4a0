# SPDX-License-Identifier: MIT
"""RO-Crate 1.1 metadata for a results folder: what each file is, with its digest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import JsonValue

from ground.files import canonical_json, digest_file, write_atomically
from ground.paths import PROJECT

NAME = "ro-crate-metadata.json"
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pdf": "application/pdf",
}


def read_citation(field: str) -> str:
    """A plain top-level field of CITATION.cff, the one source of names and dates."""
    text = (PROJECT / "CITATION.cff").read_text()
    match = re.search(rf"^{re.escape(field)}:\s*\"?([^\"\n]+)\"?\s*$", text, re.MULTILINE)
    if match is None:
        raise LookupError(f"CITATION.cff has no field {field!r}")
    return match[1]


def write_crate(folder: Path, files: Iterable[Path], *, name: str, description: str) -> Path:
    """Write the metadata of ``files`` (in ``folder``) and return its path."""
    listed = sorted({path.relative_to(folder).as_posix() for path in files})
    entities = [_describe_file(folder, path) for path in listed]
    graph: list[JsonValue] = [
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
            "description": description,
            "datePublished": read_citation("date-released"),
            "license": {"@id": "https://spdx.org/licenses/MIT"},
            "isBasedOn": {"@id": "#paper"},
            "hasPart": [{"@id": path} for path in listed],
        },
        {
            "@id": "#paper",
            "@type": "ScholarlyArticle",
            "name": "Minimizing Cache Misses in an Event-driven Network Server: "
            "A Case Study of TUX",
            "author": [
                {"@type": "Person", "name": author}
                for author in ("Sapan Bhatia", "Charles Consel", "Julia Lawall")
            ],
            "datePublished": "2006",
        },
        *entities,
    ]
    document: JsonValue = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    path = folder / NAME
    write_atomically(path, canonical_json(document))
    return path


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
