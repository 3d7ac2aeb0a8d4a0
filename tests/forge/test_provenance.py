# SPDX-License-Identifier: MIT
"""Statement and SPDX documents name every product and every source, by digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forge.debian import ArchiveFile
from forge.manifest import MachineProducts, Manifest, Product
from forge.provenance import CONTAINER_SBOM, QEMU_SBOM, STATEMENT, list_wheels, write_provenance
from forge.sbom import Component, Origin, format_composition, format_sbom
from forge.sources import LOCK, read_lock
from ground.files import digest_bytes, digest_file
from ground.paths import PROJECT


def make(name: str) -> Product:
    return Product(path=Path("/products") / name, sha256=digest_bytes(name.encode()))


def make_machine(name: str) -> MachineProducts:
    fields = ("kernel", "bzimage", "vmlinux", "root", "sbom", "image")
    return MachineProducts(**{field: make(f"{name}.{field}") for field in fields})


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        qemu=make("qemu"),
        firmware=make("firmware"),
        cache_plugin=make("cache.so"),
        instructions_plugin=make("instructions.so"),
        server=make_machine("server"),
        client=make_machine("client"),
        modules={"tux-stock": make("tux.ko")},
        analysis=make("analysis"),
        matches_lock=True,
        sources={},
        toolchain="gcc 12",
    )


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_the_statement_names_products_sources_and_recipes(
    manifest: Manifest, tmp_path: Path
) -> None:
    lock = read_lock(LOCK)
    write_provenance(manifest, lock, tmp_path)
    statement = load(tmp_path, STATEMENT)
    subjects = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
    assert subjects["qemu"] == manifest.qemu.sha256
    assert subjects["server.image"] == digest_bytes(b"server.image")
    assert len(subjects) == 5 + 2 * 6 + 1
    definition = statement["predicate"]["buildDefinition"]
    digests = {d["digest"]["sha256"] for d in definition["resolvedDependencies"]}
    assert {file.sha256 for files in lock.values() for file in files} <= digests
    uris = [d["uri"] for d in definition["resolvedDependencies"] if "uri" in d]
    assert uris
    assert all(uri.startswith("pkg:deb/debian/") for uri in uris), "in-toto wants URIs, not paths"
    series = PROJECT / "src/qemu/series"
    assert digest_file(series) in digests
    assert definition["externalParameters"]["matchesLock"] is True
    assert statement["predicate"]["runDetails"]["builder"]["id"]


def test_documents_hold_together_and_are_the_same_twice(manifest: Manifest, tmp_path: Path) -> None:
    lock = read_lock(LOCK)
    paths = write_provenance(manifest, lock, tmp_path / "a")
    again = write_provenance(manifest, lock, tmp_path / "b")
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]
    for name, relation in ((QEMU_SBOM, "GENERATED_FROM"), (CONTAINER_SBOM, "CONTAINS")):
        document = load(tmp_path / "a", name)
        ids = {package["SPDXID"] for package in document["packages"]}
        used = {r["relatedSpdxElement"] for r in document["relationships"]}
        assert ids == used
        kinds = {r["relationshipType"] for r in document["relationships"]}
        assert kinds == {"DESCRIBES", relation}
    names = {p["name"]: p for p in load(tmp_path / "a", CONTAINER_SBOM)["packages"]}
    assert names["python-polars"]["versionInfo"]
    assert names["python3"]["checksums"][0]["checksumValue"] in {
        file.sha256 for file in lock["container"]
    }


def test_another_source_gives_another_document(manifest: Manifest, tmp_path: Path) -> None:
    lock = read_lock(LOCK)
    write_provenance(manifest, lock, tmp_path / "a")
    (file,) = lock["qemu"]
    changed = ArchiveFile(**(file.model_dump() | {"sha256": "0" * 64}))
    write_provenance(manifest, lock | {"qemu": (changed,)}, tmp_path / "b")
    one, two = (load(tmp_path / name, QEMU_SBOM) for name in "ab")
    assert one["documentNamespace"] != two["documentNamespace"]


def test_wheels_are_those_of_the_lock() -> None:
    wheels = {w.name: w.version for w in list_wheels((PROJECT / "requirements.lock").read_text())}
    assert "python-pydantic-core" in wheels or "python-pydantic_core" in wheels
    assert not [name for name in wheels if "hash" in name]


def test_parts_of_one_name_are_refused() -> None:
    part = Component("a", "1", "0" * 64, "a.deb", 1)
    with pytest.raises(ValueError, match="one name"):
        format_composition(Component("w", "", "", "", 1), [part, part], Origin.CONTAINS, 0)


def test_a_root_says_how_many_files_of_each_package_it_has() -> None:
    document = json.loads(format_sbom("root", [Component("nginx", "1", "0" * 64, "p", 3)], 0))
    assert document["packages"][0]["comment"].startswith("3 of its files")
