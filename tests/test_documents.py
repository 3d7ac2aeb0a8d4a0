# SPDX-License-Identifier: MIT
"""What the documents promise exists: every task with its flags, every file that they link to."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from invoke import Collection

from artifact.kit.pages import PAGES as GENERATED
from artifact.study.designs import find_designs
from checks.suite import LINTERS
from ground.paths import PROJECT
from tests.pages import DOCUMENTS
from tests.project_tasks import load_namespace

NAMES = [str(path.relative_to(PROJECT)) for path in DOCUMENTS]
WRITTEN = [path for path in DOCUMENTS if str(path.relative_to(PROJECT)) not in GENERATED]
WIDTH = 120
COMMAND = re.compile(r"\./invoke ((?:[a-z][\w.]*)(?: +(?:--?[\w-]+|'[^']*'|[\w./-]+))*)")


@pytest.fixture(scope="module")
def namespace() -> Collection:
    return load_namespace()


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_commands_exist(namespace: Collection, document: Path) -> None:
    for words in COMMAND.findall(document.read_text()):
        name, *rest = shlex.split(words)
        task = namespace[name]
        flags = {flag for argument in task.get_arguments() for flag in argument.names}
        flags |= {f"no-{flag}" for flag in flags}
        flags = {flag.replace("_", "-") for flag in flags} | {"help"}
        for flag in (word.lstrip("-") for word in rest if word.startswith("--")):
            assert flag in flags, f"{document.name}: ./invoke {name} has no --{flag}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(document: Path) -> None:
    for name, anchor in find_links(document):
        target = document.parent / name if name else document
        assert target.exists(), name
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in map(make_anchor, headings), f"{name}#{anchor}"


def find_links(document: Path) -> list[tuple[str, str]]:
    """Files and anchors that it links to within the project; code has brackets of its own."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#]*)#?([^)]*)\)", prose)
    return [(name, anchor) for name, anchor in links if not name.startswith("http")]


def make_anchor(heading: str) -> str:
    """As forges make them."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", WRITTEN, ids=[path.name for path in WRITTEN])
def test_no_line_of_prose_is_wider_than_the_page(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!-- headline: begin.*?headline: end -->", "", text, flags=re.DOTALL)
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > WIDTH] == []


def test_the_readme_names_every_experiment() -> None:
    table = (PROJECT / "README.md").read_text().partition("## Experiments")[2].partition("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([^`]+)`", "".join(rows))) == find_designs()


def test_every_task_has_an_example(namespace: Collection) -> None:
    for name in namespace.task_names:
        text = namespace[name].__doc__ or ""
        short = name.removesuffix(".all")  # a collection's default task
        assert f"./invoke {short}" in text, f"{name} has no example"


def test_linters_cover_what_the_project_promises() -> None:
    assert {"style", "types", "rooms", "licences"} <= set(LINTERS)
