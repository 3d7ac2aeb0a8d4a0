# SPDX-License-Identifier: MIT
"""The container's image: the build's products, the runner, and a minimal Debian to run it on.

Its archive is an OCI layout with docker's own index beside, so that every engine can load it:
docker before version 25 knows no OCI, nor does apptainer's ``docker-archive``.
"""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forge.debian import ArchiveFile
from forge.manifest import NAME, MachineProducts, Manifest, Product
from forge.roots import unpack_packages
from forge.stage import SOURCE_DATE_EPOCH, Stage, Workshop
from forge.toolchain import describe_toolchain
from ground.files import digest_bytes, digest_file
from ground.paths import PROJECT

CONTAINERFILE = PROJECT / "images" / "container" / "Containerfile"
TAG = "tux-stingy"
ARCHIVE = "tux-stingy-image.tar"
# What the runner reads at run time; tests and their tools stay outside.
PROJECT_PARTS = (
    *("src/ground", "src/forge", "src/stingy", "src/testbed", "src/artifact"),
    # Of the other rooms what the list of tasks needs.
    *("src/checks/__init__.py", "src/checks/tasks.py", "labs/__init__.py", "labs/tasks.py"),
    "src/qemu/README.md",
    *("figures", "experiments", "images", "tasks.py", "pyproject.toml", "requirements.lock"),
    *("ARCHITECTURE.md", "DEVIATIONS.md", "CITATION.cff", "LICENSES"),
    *("ae", "paper", "results/reference"),  # what is to be expected, and the stored runs
)
# Of the Python environment: tools for developing and building.
NOT_COPIED = (
    *("pip", "pip-*", "mypy*", "*__mypyc*", "ruff*", "hypothesis*", "mesonbuild", "meson-*"),
    *("ninja*", "setuptools*", "_distutils_hack", "wheel*", "reuse*", "__editable__*"),
    *("__pycache__", "*.pth", "*.egg-link"),
)
UNNEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\n"
TAR = (
    *("tar", "--create", "--format=posix", "--sort=name", "--numeric-owner"),
    *("--owner=0", "--group=0", f"--mtime=@{SOURCE_DATE_EPOCH}"),
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
)
# Everyone may read what was made or checked out here, whatever the umask was: docker runs the image
# as the user who asked for results.
READABLE = "--mode=u=rwX,go=rX"


@dataclass(frozen=True)
class ContainerRecipe:
    """The container's image, from its base packages and the manifest of all products."""

    packages: Sequence[tuple[ArchiveFile, Path]]
    wanted: Sequence[str]
    manifest: Manifest

    def stage(self) -> Stage:
        """The stage that makes ``tux-stingy-image.tar``."""
        return Stage(
            name="container",
            title="Composing the container's image",
            recipe=3,
            inputs={
                "packages": " ".join(sorted(file.sha256 for file, _ in self.packages)),
                "products": digest_products(self.manifest),
                "project": digest_project(),
                "python": digest_file(PROJECT / "requirements.lock"),
                "containerfile": digest_file(CONTAINERFILE),
                "tools": describe_toolchain(("buildah", "mmdebstrap")),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Four archives, one Containerfile, one image."""
        context = workshop.scratch / "context"
        context.mkdir()
        self._compose_base(workshop, context / "base.tar")
        compose_python(workshop, context / "python.tar")
        compose_project(workshop, context / "project.tar")
        compose_products(workshop, self.manifest, context / "products.tar")
        storage = format_storage(workshop.scratch / "storage")
        workshop.run(
            [
                *("buildah", *storage, "build", "--isolation", "chroot", "--layers=false"),
                *("--timestamp", str(SOURCE_DATE_EPOCH), "--file", CONTAINERFILE),
                *("--tag", TAG, context),
            ]
        )
        layout = workshop.scratch / "layout"
        workshop.run(["buildah", *storage, "push", TAG, f"oci:{layout}:{TAG}"])
        write_docker_index(layout)
        parts = sorted(path.name for path in layout.iterdir())
        workshop.run([*TAR, "-f", workshop.output / ARCHIVE, "-C", layout, *parts])

    def _compose_base(self, workshop: Workshop, target: Path) -> None:
        archive = unpack_packages(workshop, self.packages, self.wanted, architecture="amd64")
        base = workshop.scratch / "base"
        base.mkdir()
        excluded = [f"--exclude=./{name}/*" for name in (*UNNEEDED, "dev")]
        workshop.run(["tar", "-xf", archive, "-C", base, *excluded])
        (base / "etc/passwd").write_text(ACCOUNTS)
        (base / "etc/group").write_text("root:x:0:\n")
        for name in ("", "etc/passwd", "etc/group"):
            (base / name).chmod(0o644 if name else 0o755)  # they are ours, and have our umask
        workshop.run([*TAR, "-f", target, "-C", base, "."])


def write_docker_index(layout: Path) -> None:
    """Name the blobs of an OCI layout as ``docker save`` does, in its ``manifest.json``."""

    def find_blob(descriptor: dict[str, str]) -> str:
        algorithm, digest = descriptor["digest"].split(":")
        return f"blobs/{algorithm}/{digest}"

    [described] = json.loads((layout / "index.json").read_text())["manifests"]
    image = json.loads((layout / find_blob(described)).read_text())
    index = {
        "Config": find_blob(image["config"]),
        "RepoTags": [f"{TAG}:latest"],
        "Layers": [find_blob(layer) for layer in image["layers"]],
    }
    (layout / "manifest.json").write_text(json.dumps([index]))


def digest_products(manifest: Manifest) -> str:
    """The digest of all products, wherever they lie."""
    lines = [f"{name} {digest}" for name, digest in manifest.digests().items()]
    lines += [f"analysis {manifest.analysis.sha256}"]
    lines += [m.image.sha256 for m in (manifest.server, manifest.client) if m.image]
    return digest_bytes("\n".join(lines).encode())


def digest_project() -> str:
    """The digest of the part of the project that goes into the image."""
    files: list[Path] = []
    for part in PROJECT_PARTS:
        path = PROJECT / part
        files += sorted(path.rglob("*")) if path.is_dir() else [path]
    lines = [
        f"{path.relative_to(PROJECT)} {digest_file(path)}"
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return digest_bytes("\n".join(lines).encode())


def compose_python(workshop: Workshop, target: Path) -> None:
    """The Python packages of this environment, as locked, without tools for development."""
    packages = Path(sysconfig.get_path("purelib"))
    excluded = [f"--exclude={pattern}" for pattern in NOT_COPIED]
    workshop.run([*TAR, READABLE, *excluded, "-f", target, "-C", packages, "."])


def compose_project(workshop: Workshop, target: Path) -> None:
    """The runner's sources and data."""
    parts = [part for part in PROJECT_PARTS if (PROJECT / part).exists()]
    workshop.run([*TAR, READABLE, "--exclude=__pycache__", "-f", target, "-C", PROJECT, *parts])


def compose_products(workshop: Workshop, manifest: Manifest, target: Path) -> None:
    """The products under fixed names, and a manifest with paths relative to itself."""
    folder = workshop.scratch / "products"
    folder.mkdir()

    def place(product: Product, name: str) -> Product:
        # Links save copying; tar stores the content.
        (folder / name).symlink_to(product.path)
        return Product(path=Path(name), sha256=product.sha256)

    def place_machine(machine: MachineProducts, prefix: str) -> MachineProducts:
        values = {
            name: place(product, f"{prefix}.{name}")
            for name, product in machine
            if isinstance(product, Product)
        }
        return MachineProducts(**values)

    moved = manifest.model_copy(
        update={
            "qemu": place(manifest.qemu, "qemu-system-i386"),
            "firmware": place(manifest.firmware, "firmware"),
            "cache_plugin": place(manifest.cache_plugin, "libcache.so"),
            "instructions_plugin": place(manifest.instructions_plugin, "instructions.so"),
            "server": place_machine(manifest.server, "server"),
            "client": place_machine(manifest.client, "client"),
            "analysis": place(manifest.analysis, "analysis"),
            "modules": {
                title: place(product, f"{title}.ko") for title, product in manifest.modules.items()
            },
        }
    )
    moved.write(folder / NAME)
    workshop.run([*TAR, READABLE, "--dereference", "-f", target, "-C", folder, "."])


def format_storage(folder: Path) -> tuple[str, ...]:
    """Options that keep buildah and podman inside ``folder``."""
    return (
        *("--root", str(folder / "root"), "--runroot", str(folder / "run")),
        *("--storage-driver", "vfs"),
    )
