# SPDX-License-Identifier: MIT
"""What goes into the container's image."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import sys
import tarfile
from pathlib import Path

import pytest

from forge import container
from forge.container import PROJECT_PARTS, compose_project, compose_python, write_docker_index
from forge.stage import Workshop
from ground import process
from ground.paths import PROJECT
from tests.names import ODDEST_NAME


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The project as the image holds it, in a folder that nobody may write."""
    target = tmp_path / ODDEST_NAME
    for part in PROJECT_PARTS:
        source, copy = PROJECT / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return target


@pytest.mark.timeout(1800)
def test_the_parts_are_all_that_a_sweep_reads(parts: Path, tmp_path: Path) -> None:
    """A rehearsed tier ends with figures, report and draft: whatever the folders are called, with
    no program to be found, no home, and files that only their owner may read; nothing is written
    beside the sources."""
    nowhere, results = tmp_path / "bin", tmp_path / "50 % of 'ä', = -b"
    nowhere.mkdir()
    environment = {
        "PYTHONPATH": f"{parts / 'src'}:{parts}", "PATH": str(nowhere), "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    rehearse = ["reproduce", "--tier", "kick", "--rehearse", "--out", results]
    before = sorted(parts.rglob("*"))
    mask = os.umask(0o077)
    try:
        process.run(
            [sys.executable, "-m", "invoke", *rehearse], cwd=parts, env=environment, timeout_s=1200
        )
    finally:
        os.umask(mask)
    assert list(results.glob("**/kick/draft.pdf"))
    assert stat.S_IMODE(results.stat().st_mode) == 0o700
    assert sorted(parts.rglob("*")) == before


def test_dockers_index_names_the_blobs_of_the_layout(tmp_path: Path) -> None:
    """Config and layers in their order, as docker's image specification 1.2 has them."""
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(content: bytes) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"digest": f"sha256:{digest}"}

    image = {"config": add(b"{}"), "layers": [add(b"base"), add(b"products")]}
    described = {"manifests": [add(json.dumps(image).encode())]}
    (tmp_path / "index.json").write_text(json.dumps(described))
    write_docker_index(tmp_path)
    [index] = json.loads((tmp_path / "manifest.json").read_text())
    assert index["RepoTags"] == ["tux-stingy:latest"]
    assert (tmp_path / index["Config"]).read_bytes() == b"{}"
    assert [(tmp_path / layer).read_bytes() for layer in index["Layers"]] == [b"base", b"products"]


def test_everyone_may_read_what_was_checked_out_with_another_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker runs the image as the user who asked for results, who owns nothing in it."""
    mask = os.umask(0o077)
    try:
        project = tmp_path / "project"
        (project / "ae").mkdir(parents=True)
        (project / "ae/needs.tsv").write_text("kick")
        (project / "ae/run").write_text("#!/bin/sh")
        (project / "ae/run").chmod(0o700)
    finally:
        os.umask(mask)
    monkeypatch.setattr(container, "PROJECT", project)
    monkeypatch.setattr("forge.container.sysconfig.get_path", lambda _: str(project))
    workshop = Workshop(tmp_path, tmp_path, tmp_path / "log", 1)
    for compose in (compose_project, compose_python):
        compose(workshop, tmp_path / "some.tar")
        with tarfile.open(tmp_path / "some.tar") as archive:
            modes = {member.name.removeprefix("./"): member.mode for member in archive}
        wanted = {"ae": 0o755, "ae/run": 0o755, "ae/needs.tsv": 0o644}
        assert {name: modes[name] for name in wanted} == wanted
