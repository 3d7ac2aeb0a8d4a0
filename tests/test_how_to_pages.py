# SPDX-License-Identifier: MIT
"""The pages of docs/ that say how to add something are true: each is followed in a copy of the
sources, and what it makes does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from artifact.study.claims import AnyClaim, Claims
from artifact.study.designs import check_design, load_design, parse_design
from artifact.study.loading import check_claim
from ground.documents import parse_document
from ground.errors import UsageError
from ground.paths import PROJECT
from tests.pages import copy_project, follow_page, list_blocks

DOCS = PROJECT / "docs"
SLOW = {"add-a-claim", "add-a-replacement-policy", "add-a-tux-sysctl"}
APART = {"add-a-geometry"}  # edits no sources: tests/test_geometry_page.py
PAGES = sorted({page.stem for page in DOCS.glob("add-a*.md")} - APART)
REFUSAL = re.compile(r"^\| `(\w+) = (.*)` \| `(.*)` \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def follow(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A project in which a page was followed to its end; done once for each page."""
    projects: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in projects:
            project = copy_project(tmp_path_factory.mktemp("pages") / name)
            follow_page(DOCS / f"{name}.md", project)
            projects[name] = project
        return projects[name]

    return find


@pytest.mark.parametrize(
    "name", [pytest.param(p, marks=pytest.mark.slow if p in SLOW else ()) for p in PAGES]
)
def test_a_page_can_be_followed(name: str, follow: Callable[[str], Path]) -> None:
    follow(name)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_something(name: str) -> None:
    blocks = list_blocks(DOCS / f"{name}.md")
    assert any(block.language == "" for block in blocks)
    assert any(block.language == "diff" or block.file for block in blocks)


@pytest.mark.parametrize("name", [*PAGES, *APART])
def test_a_page_can_be_found(name: str) -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        assert f"](docs/{name}.md)" in (PROJECT / document).read_text()


def list_refusals(name: str) -> list[tuple[str, str, str]]:
    """Key, value and message of each mistake in the table of a page."""
    return REFUSAL.findall((DOCS / f"{name}.md").read_text())


def spoil(text: str, key: str, value: str, like: str) -> str:
    """``text`` with the last line that gives ``key`` a value with ``like`` in it changed."""
    lines = text.splitlines(keepends=True)
    found = [i for i, line in enumerate(lines) if line.startswith(f"{key} =") and like in line]
    lines[found[-1]] = f"{key} = {value}\n"
    return "".join(lines)


@pytest.mark.parametrize(("key", "value", "message"), list_refusals("add-an-experiment"))
def test_a_wrong_experiment_is_refused_as_its_page_says(key: str, value: str, message: str) -> None:
    page = list_blocks(DOCS / "add-an-experiment.md")
    (text,) = [block.text for block in page if block.file]
    path = Path("round-trip.toml")
    check_design(parse_design(text, path), path)
    like = {"set": "1000000 }", "levels": "", "servers": ""}[key]
    with pytest.raises(UsageError) as caught:
        check_design(parse_design(spoil(text, key, value, like), path), path)
    assert message in f"{caught.value.message} {caught.value.hint}"


def read_claim(text: str) -> AnyClaim:
    path = Path("claims.toml")
    (claim,) = parse_document(Claims, text, path).claim
    check_claim(claim, load_design(claim.design), path)
    return claim


@pytest.mark.parametrize(("key", "value", "message"), list_refusals("add-a-claim"))
def test_a_wrong_claim_is_refused_as_its_page_says(key: str, value: str, message: str) -> None:
    (change, *_) = [b.text for b in list_blocks(DOCS / "add-a-claim.md") if b.language == "diff"]
    added = [line[1:] for line in change.splitlines(keepends=True) if line.startswith("+")]
    fields = "".join(line for line in added if not line.startswith("++"))
    text = "[[claim]]\n" + fields.partition("[[claim]]")[0]
    assert read_claim(text).id == "stingy.throughput-at-512"
    with pytest.raises(UsageError) as caught:
        read_claim(spoil(text, key, value, ""))
    assert message in f"{caught.value.message} {caught.value.hint}"


def test_pages_name_mistakes() -> None:
    assert all(len(list_refusals(name)) >= 4 for name in ("add-an-experiment", "add-a-claim"))


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("add-an-experiment", ["quick/figures/round-trip-sweep.svg"]),
        ("add-a-figure", ["kick/figures/footnote3-interrupts.svg"]),
        ("add-a-figure", ["kick/data/footnote3-interrupts.csv"]),
    ],
)
def test_a_figure_is_where_its_page_says(
    name: str, files: list[str], follow: Callable[[str], Path]
) -> None:
    page = (DOCS / f"{name}.md").read_text()
    for file in files:
        assert Path(file).name in page
        assert (follow(name) / "out/rehearsal/results" / file).is_file()


class Documents(SimpleHTTPRequestHandler):
    """Files, and on how many connections they were asked for."""

    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        super().setup()
        Documents.connections += 1

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_the_browsers_of_the_page_browse(follow: Callable[[str], Path], tmp_path: Path) -> None:
    """Their shell lines, as the page's module writes them, with a server in Python."""
    code = (
        "from artifact.study.designs import load_design\n"
        "design = load_design('browsers')\n"
        "run = design.finalize_experiment('tux', design.variant[0], 8, 1)\n"
        "load = run.load.model_copy(update={'visits': 2})\n"
        "print('\\n'.join(load.write(run, 1)))"
    )
    project = follow("add-a-load")
    environment = {**os.environ, "PYTHONPATH": f"{project}/src:{project}"}
    made = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    for number in range(64):
        (tmp_path / f"f{number}").write_bytes(bytes(1024))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Documents, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lines = made.stdout.replace("10.0.1.1", f"127.0.0.1:{server.server_port}")
    subprocess.run(["sh", "-c", lines], cwd=tmp_path, check=True)
    server.shutdown()
    reports = sorted(tmp_path.glob("report.*"))
    assert len(reports) == 8
    assert {report.read_text() for report in reports} == {"200 1024\n" * 128}
    assert Documents.connections == 8 * 2


@pytest.mark.parametrize(("release", "runtime"), [("12.4+deb12u11", "14"), ("13.8", "19")])
def test_a_host_gets_the_packages_of_its_release(
    follow: Callable[[str], Path], tmp_path: Path, release: str, runtime: str
) -> None:
    """On a host of stand-ins that has nothing installed, and whose apt ends it all."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "dirname", "sed", "xargs", "grep", "id", "env", "echo"):
        (programs / name).symlink_to(str(shutil.which(name)))
    asked = f'case "$*" in *base-files) echo {release};; *) exit 1;; esac'
    for name, script in {"uname": "echo x86_64", "dpkg-query": asked, "apt-get": "exit 9"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    (programs / "sudo").symlink_to(programs / "apt-get")
    done = subprocess.run(
        ["sh", follow("add-a-host-system") / "invoke", "--list"],
        env={"PATH": str(programs)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4  # what apt-get could not do ends as an infrastructure that failed
    assert f"libclang-rt-{runtime}-dev" in done.stderr
    assert ("packer" in done.stderr.split()) is (runtime == "14")
