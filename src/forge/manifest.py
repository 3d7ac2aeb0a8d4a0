# SPDX-License-Identifier: MIT
"""The build manifest: digests and paths of everything that a run depends on."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ground.errors import ArtifactError, UsageError
from ground.files import digest_file, digest_tree, write_atomically

NAME = "manifest.json"
SCHEMA = 1


class Product(BaseModel):
    """One product of the build: where it lies, and the SHA-256 of its content (of a directory:
    of its tree)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    sha256: str

    @classmethod
    def measure(cls, path: Path) -> Product:
        """The product at ``path`` as it is now."""
        digest = digest_tree(path) if path.is_dir() else digest_file(path)
        return cls(path=path, sha256=digest)


class MachineProducts(BaseModel):
    """What one machine is made of.

    ``kernel`` is the ELF image that is booted, ``bzimage`` the same image compressed as boot
    loaders want it, ``vmlinux`` the kernel with symbols, ``root`` the cpio archive, ``image``
    the qcow2 disk that holds bzimage and root (None until it was built).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: Product
    bzimage: Product
    vmlinux: Product
    root: Product
    sbom: Product
    image: Product | None = None


class Manifest(BaseModel):
    """All products, and what they were built from.

    ``cache_plugin`` is QEMU's own, for the benchmark, ``instructions_plugin`` ours, for profiles.
    ``modules`` are those of the server's kernel by name and variant, with their symbols; the
    server's root holds the same files.  ``analysis`` is the folder with what memwalk and stingygen
    say of TUX (memwalk.json, map.json).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA
    qemu: Product
    firmware: Product
    cache_plugin: Product
    instructions_plugin: Product
    server: MachineProducts
    client: MachineProducts
    modules: dict[str, Product]
    analysis: Product
    matches_lock: bool
    differences: tuple[str, ...] = ()
    sources: dict[str, str]
    toolchain: str

    def digests(self) -> dict[str, str]:
        """Digest by name of what a run depends on: two runs with equal digests are the same."""
        return {
            "qemu": self.qemu.sha256,
            "firmware": self.firmware.sha256,
            "server.kernel": self.server.kernel.sha256,
            "server.root": self.server.root.sha256,
            "client.kernel": self.client.kernel.sha256,
            "client.root": self.client.root.sha256,
        }

    def write(self, path: Path) -> None:
        """Write the manifest to ``path`` at once."""
        write_atomically(path, (self.model_dump_json(indent=1) + "\n").encode())

    def check(self) -> None:
        """Compare every product on disk with its digest; ArtifactError names one that differs."""
        machines = (self.server, self.client)
        products = [self.qemu, self.firmware, self.cache_plugin, self.instructions_plugin]
        products += [self.analysis, *self.modules.values()]
        products += [p for m in machines for p in (m.kernel, m.bzimage, m.vmlinux, m.root, m.sbom)]
        products += [m.image for m in machines if m.image]
        for product in products:
            if not product.path.exists() or Product.measure(product.path) != product:
                raise ArtifactError(
                    f"{product.path} is missing or was changed since it was built",
                    hint="remove its directory in the cache and run ./invoke build",
                )

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """The manifest at ``path``; relative paths in it start at its directory."""
        try:
            table = json.loads(path.read_text())
            manifest = cls.model_validate(_anchor(table, path.parent.resolve()))
        except FileNotFoundError:
            raise UsageError(
                f"nothing was built yet: no {path}", hint="run ./invoke build"
            ) from None
        except (json.JSONDecodeError, ValidationError) as error:
            raise UsageError(
                f"{path} is not a manifest of this version: {error}", hint="run ./invoke build"
            ) from None
        if not manifest.qemu.path.is_file():
            raise UsageError(f"{manifest.qemu.path} is gone", hint="run ./invoke build")
        return manifest


def _anchor(value: object, base: Path) -> object:
    if isinstance(value, dict):
        return {
            key: str(base / item) if key == "path" else _anchor(item, base)
            for key, item in value.items()
        }
    return value
