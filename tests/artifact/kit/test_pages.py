# SPDX-License-Identifier: MIT
"""The generated pages agree with what they are made from."""

from __future__ import annotations

import re
from pathlib import Path

from artifact.kit.pages import (
    APPENDIX,
    FAQ,
    KIT,
    RESULTS,
    find_stale_pages,
    find_template,
    read_needs,
    render_kit,
)
from artifact.study.loading import load_study
from ground.paths import PROJECT

TWO_PAGES = 110  # lines
SCRIPTS = ("ae/run", "images/container/run", "invoke")
SOURCES = PROJECT / "src"


def test_the_pages_are_those_that_claims_and_results_make() -> None:
    assert find_stale_pages() == []


def test_a_page_that_was_edited_is_found(tmp_path: Path) -> None:
    for name in KIT:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((PROJECT / name).read_text())
    (tmp_path / FAQ).write_text("none")
    (tmp_path / RESULTS).unlink()
    assert find_stale_pages(tmp_path) == [FAQ, RESULTS]


def test_the_appendix_names_a_command_for_each_claim_in_two_pages() -> None:
    text = render_kit()[APPENDIX]
    lines = text.splitlines()
    assert len(lines) <= TWO_PAGES
    for claim in load_study().claims:
        (line,) = [line for line in lines if f"| {claim.id} |" in line]
        assert f"--only {claim.design}`" in line
    for mode, need in read_needs().items():
        assert f"`ae/run {mode}` | {need.human_min} min" in text
    first = next(i for i, line in enumerate(lines) if ": CONTRADICTED" in line)
    fine = [i for i, line in enumerate(lines) if line.startswith("| C") and "REPRODUCED" in line
            and "CONTRADICTED" not in line]  # fmt: skip
    assert first < min(fine)


def list_said() -> list[str]:
    """What the list of errors quotes, in its first column; dots stand for what varies."""
    page = find_template(FAQ).render(needs=read_needs())
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    return [said for cell in cells for said in re.findall(r"`([^`]+)`", cell)]


def test_every_refusal_of_the_scripts_is_in_the_list_of_errors() -> None:
    """But those of wrong words (exit code 2), which say all that there is to say."""
    patterns = [re.escape(said).replace(r"\.\.\.", ".*") for said in list_said()]
    for script in SCRIPTS:
        text = (PROJECT / script).read_text().replace("\\\n", "")
        refusals = re.findall(r'\bdie +"((?:[^"\\]|\\.)*)" +"(?:[^"\\]|\\.)*"( 2)?', text)
        assert len(refusals) >= 3
        for message, usage in refusals:
            found = [pattern for pattern in patterns if re.search(pattern, message)]
            assert found or usage, f"{script}: {message}"


def test_every_error_in_the_list_is_said_somewhere() -> None:
    sources = [PROJECT / script for script in SCRIPTS]
    sources += [
        path for room in ("artifact", "forge", "ground") for path in (SOURCES / room).rglob("*.py")
    ]
    texts = "\n".join(path.read_text() for path in sources)
    for said in list_said():
        pattern = re.escape(said).replace(r"\.\.\.", ".*")
        assert re.search(pattern, texts), said
