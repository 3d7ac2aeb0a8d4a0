# SPDX-License-Identifier: MIT
"""What is inside a root, as an SPDX 2.3 document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ground.files import digest_bytes


@dataclass(frozen=True)
class Component:
    """One package with files in the root."""

    name: str
    version: str
    sha256: str
    path: str
    files: int


def format_sbom(name: str, components: Sequence[Component], epoch: int) -> str:
    """The document, with a name and a time that follow from its content alone."""
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    packages = [_format_package(component) for component in components]
    identity = digest_bytes(json.dumps(packages, sort_keys=True).encode())
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"urn:sha256:{identity}",
        "creationInfo": {"created": created, "creators": ["Tool: forge"]},
        "packages": packages,
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": package["SPDXID"],
            }
            for package in packages
        ],
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _format_package(component: Component) -> dict[str, object]:
    return {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", component.name),
        "name": component.name,
        "versionInfo": component.version,
        "downloadLocation": "NOASSERTION",
        "packageFileName": component.path,
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": component.sha256}],
        "comment": f"{component.files} of its files are in the root",
    }
