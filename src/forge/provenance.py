# SPDX-License-Identifier: MIT
"""Where the products come from: an in-toto statement with a SLSA v1 predicate, and SPDX documents
of QEMU and of the container (a root has its own, inside its stage).

All are made from the source lock, the project's files and the manifest.  They have no time and
no host in them, so that the same sources give the same bytes anywhere; they are not signed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from forge.container import CONTAINERFILE
from forge.debian import ArchiveFile
from forge.manifest import Manifest, Product
from forge.sbom import Component, Origin, format_composition
from forge.stage import SOURCE_DATE_EPOCH
from ground.files import digest_file, write_atomically
from ground.paths import PROJECT

FOLDER: Final = "provenance"
STATEMENT: Final = "build.intoto.json"
QEMU_SBOM: Final = "qemu.spdx.json"
CONTAINER_SBOM: Final = "container.spdx.json"
BUILD_TYPE: Final = "urn:tux-stingy:build:v1"
BUILDER: Final = "urn:tux-stingy:invoke-build"
RECIPES: Final = ("src/forge", "src/qemu", "src/linux", "src/tux", "src/stingy", "images")
WHEEL: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)")

Lock = Mapping[str, tuple[ArchiveFile, ...]]


def write_provenance(manifest: Manifest, lock: Lock, folder: Path) -> list[Path]:
    """Write statement and SPDX documents of what ``manifest`` names into ``folder``."""
    texts = {
        STATEMENT: json.dumps(make_statement(manifest, lock), indent=1, sort_keys=True) + "\n",
        QEMU_SBOM: describe_qemu(manifest, lock),
        CONTAINER_SBOM: describe_container(manifest, lock),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


def make_statement(manifest: Manifest, lock: Lock) -> dict[str, JsonValue]:
    """The in-toto statement: products as subjects, every source that went in by its digest."""
    subjects = [_resource(name, p.sha256) for name, p in sorted(list_products(manifest).items())]
    sources = [
        {**_resource(f.path, f.sha256), "uri": f"pkg:deb/debian/{f.package}@{f.version}"}
        for group in sorted(lock)
        for f in lock[group]
    ]
    recipes = [_resource(path, digest_file(PROJECT / path)) for path in list_recipes()]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [*subjects],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "command": "./invoke build",
                    "lock": "images/sources.lock.toml",
                    "matchesLock": manifest.matches_lock,
                    "differences": [*manifest.differences],
                },
                "internalParameters": {
                    "toolchain": manifest.toolchain,
                    "sourceDateEpoch": SOURCE_DATE_EPOCH,
                },
                "resolvedDependencies": [*sources, *recipes],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }


def _resource(name: str, sha256: str) -> dict[str, JsonValue]:
    return {"name": name, "digest": {"sha256": sha256}}


def list_products(manifest: Manifest) -> dict[str, Product]:
    """Every product by name."""
    products = {name: value for name, value in manifest if isinstance(value, Product)}
    for machine in ("server", "client"):
        parts = getattr(manifest, machine)
        products |= {f"{machine}.{n}": p for n, p in parts if isinstance(p, Product)}
    return products | {f"modules.{name}": p for name, p in manifest.modules.items()}


def list_recipes() -> list[str]:
    """Files of the project that decide what is built, sorted."""
    return sorted(
        path.relative_to(PROJECT).as_posix()
        for room in RECIPES
        for path in (PROJECT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def describe_qemu(manifest: Manifest, lock: Lock) -> str:
    """QEMU as SPDX: the distribution's source, our patches and files, and the binary from them."""
    patched = [path for path in list_recipes() if path.startswith("src/qemu/")]
    origins = [
        *(_from_archive(file) for file in lock["qemu"]),
        *(Component(path, "", digest_file(PROJECT / path), path, 1) for path in patched),
    ]
    made = Component("qemu-system-i386", lock["qemu"][0].version, manifest.qemu.sha256, "", 1)
    return _compose(made, origins, Origin.GENERATED_FROM)


def describe_container(manifest: Manifest, lock: Lock) -> str:
    """The container as SPDX: packages of its base, Python packages as locked, products.

    The image is named by its recipe, since its digest is not known before it holds this file's
    own sources; what is inside decides it.
    """
    products = list_products(manifest)
    parts = [
        *(_from_archive(file) for file in lock["container"]),
        *list_wheels((PROJECT / "requirements.lock").read_text()),
        *(Component(name, "", p.sha256, p.path.name, 1) for name, p in sorted(products.items())),
    ]
    image = Component("tux-stingy-container", "", digest_file(CONTAINERFILE), "Containerfile", 1)
    return _compose(image, parts, Origin.CONTAINS)


def list_wheels(text: str) -> list[Component]:
    """Python packages of the requirements ``text``, which pip holds against hashes there."""
    found = [WHEEL.match(line) for line in text.splitlines()]
    return [Component(f"python-{m[1]}", m[2], "", "", 0) for m in found if m]


def _from_archive(file: ArchiveFile) -> Component:
    return Component(file.package, file.version, file.sha256, file.path, 1)


def _compose(whole: Component, parts: Iterable[Component], origin: Origin) -> str:
    return format_composition(whole, list(parts), origin, SOURCE_DATE_EPOCH)
