# SPDX-License-Identifier: MIT
"""Tasks that build: products, container, bundle, TUX's kernel tree."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from ground.errors import ExitCode
from ground.terminal import report_errors


@task(
    help={
        "only": "build one stage (an unknown name lists them)",
        "update-lock": "take what the mirror has now and make it the lock",
        "json": "print stages and manifest as JSON on stdout",
    }
)
@report_errors
def build(_: Context, only: str = "", update_lock: bool = False, json: bool = False) -> None:
    """Build QEMU, kernels, roots, images; write out/manifest.json. Example: ./invoke build

    What was built before is kept; a build that was stopped continues where it was.
    """
    from forge.entry import run_build

    run_build(only=only, update_lock=update_lock, as_json=json)


@task(name="twice", help={"only": "one stage (default: all, QEMU and kernels too: minutes)"})
@report_errors
def build_twice(_: Context, only: str = "") -> ExitCode:
    """Build again in another folder, compare the digests. Example: ./invoke build.twice

    Exit codes: 0 identical, 1 not, 4 infrastructure.
    """
    from forge.entry import run_twice

    return run_twice(only=only)


@task(name="container")
@report_errors
def build_container(_: Context) -> None:
    """Compose the OCI image and load it into podman's store. Example: ./invoke build.container"""
    from forge.entry import run_container

    run_container()


@task(name="bundle", positional=["folder"], help={"folder": "is written; must be empty or absent"})
@report_errors
def build_bundle(_: Context, folder: str) -> None:
    """Write the offline bundle: sources with stored runs, image, provenance, digests.

    Example: ./invoke build.bundle out/bundle
    """
    from forge.entry import run_bundle

    run_bundle(folder)


@task(name="tree", help={"out": "folder of the kernel's tree; it must not exist, or be empty"})
@report_errors
def tux_tree(_: Context, out: str) -> None:
    """Compile TUX in a copy of its kernel's tree, to try the three commands on it by hand.

    Example: ./invoke tux.tree --out out/linux
    """
    from forge.entry import run_tree

    run_tree(out)
