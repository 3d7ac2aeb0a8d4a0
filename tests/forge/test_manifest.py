# SPDX-License-Identifier: MIT
"""The manifest: what a run depends on, found again and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge.manifest import MachineProducts, Manifest, Product
from ground.errors import ArtifactError, ExitCode, UsageError


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A manifest of small stand-in files below ``tmp_path/products``."""

    def make(name: str) -> Product:
        path = tmp_path / "products" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        return Product.measure(path)

    def make_machine(name: str) -> MachineProducts:
        fields = ("kernel", "bzimage", "vmlinux", "root", "sbom", "image")
        return MachineProducts(**{field: make(f"{name}.{field}") for field in fields})

    (tmp_path / "products" / "firmware").mkdir(parents=True)
    (tmp_path / "products" / "firmware" / "bios").write_text("bios")
    return Manifest(
        qemu=make("qemu"),
        firmware=Product.measure(tmp_path / "products" / "firmware"),
        cache_plugin=make("plugin"),
        instructions_plugin=make("instructions"),
        server=make_machine("server"),
        client=make_machine("client"),
        modules={"tux-stock": make("tux.ko")},
        analysis=make("memwalk.json"),
        matches_lock=True,
        sources={"qemu": "10"},
        toolchain="gcc=12",
    )


def test_round_trip(manifest: Manifest, tmp_path: Path) -> None:
    manifest.write(tmp_path / "manifest.json")
    assert Manifest.load(tmp_path / "manifest.json") == manifest


def test_relative_paths_start_at_the_manifest(manifest: Manifest, tmp_path: Path) -> None:
    text = manifest.model_dump_json().replace(f"{tmp_path}/products/", "")
    (tmp_path / "products" / "manifest.json").write_text(text)
    assert Manifest.load(tmp_path / "products" / "manifest.json") == manifest


def test_nothing_built_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Manifest.load(tmp_path / "manifest.json")
    assert caught.value.hint == "run ./invoke build"
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.parametrize("text", ["{", "{}", '{"schema_version": 1}'])
def test_a_damaged_manifest_says_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match="not a manifest"):
        Manifest.load(tmp_path / "manifest.json")


@pytest.mark.parametrize("name", ["qemu", "firmware/bios", "client.root", "server.image"])
def test_a_changed_product_is_found(manifest: Manifest, name: str, tmp_path: Path) -> None:
    manifest.check()
    (tmp_path / "products" / name).write_text("changed")
    with pytest.raises(ArtifactError, match=name.split("/", maxsplit=1)[0]):
        manifest.check()


def test_digests_do_not_depend_on_places(manifest: Manifest) -> None:
    moved = manifest.qemu.model_copy(update={"path": Path("/elsewhere/qemu")})
    assert manifest.model_copy(update={"qemu": moved}).digests() == manifest.digests()
