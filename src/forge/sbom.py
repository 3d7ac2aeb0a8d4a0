# SPDX-License-Identifier: MIT
"""What is inside a root, the container, the emulator, as SPDX 2.3 documents."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from ground.files import digest_bytes

DOCUMENT: Final = "SPDXRef-DOCUMENT"


@dataclass(frozen=True)
class Component:
    """One part: a package, a file, a product.  ``sha256`` may be empty where something else (pip's
    hashes) holds its content; ``files`` is how many of its files are in the whole."""

    name: str
    version: str
    sha256: str
    path: str
    files: int


class Origin(StrEnum):
    """How a whole and its parts are related in SPDX."""

    CONTAINS = "CONTAINS"
    GENERATED_FROM = "GENERATED_FROM"


def format_sbom(name: str, components: Sequence[Component], epoch: int) -> str:
    """The document of a root, with a name and a time that follow from its content alone."""
    packages = [_format_package(component) for component in components]
    for component, package in zip(components, packages, strict=True):
        package["comment"] = f"{component.files} of its files are in the root"
    described = [_relate(DOCUMENT, "DESCRIBES", str(package["SPDXID"])) for package in packages]
    return _format_document(name, packages, described, epoch)


def format_composition(
    whole: Component, parts: Sequence[Component], origin: Origin, epoch: int
) -> str:
    """The document of one thing and what it is made of."""
    packages = [_format_package(component) for component in (whole, *parts)]
    first, *others = (str(package["SPDXID"]) for package in packages)
    if len({first, *others}) < len(packages):
        raise ValueError(f"two parts of {whole.name} have one name")
    relations = [_relate(DOCUMENT, "DESCRIBES", first)]
    relations += [_relate(first, origin.value, other) for other in others]
    return _format_document(whole.name, packages, relations, epoch)


def _format_document(
    name: str,
    packages: Sequence[dict[str, object]],
    relations: Sequence[dict[str, str]],
    epoch: int,
) -> str:
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = digest_bytes(json.dumps(packages, sort_keys=True).encode())
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": name,
        "documentNamespace": f"urn:sha256:{identity}",
        "creationInfo": {"created": created, "creators": ["Tool: forge"]},
        "packages": packages,
        "relationships": relations,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _relate(one: str, how: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def _format_package(component: Component) -> dict[str, object]:
    package: dict[str, object] = {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", component.name),
        "name": component.name,
        "versionInfo": component.version,
        "downloadLocation": "NOASSERTION",
        "packageFileName": component.path,
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": component.sha256}],
    }
    if not component.sha256:
        del package["checksums"]
    for name in ("versionInfo", "packageFileName"):
        if not package[name]:
            del package[name]
    return package
