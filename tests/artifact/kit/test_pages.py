# SPDX-License-Identifier: MIT
"""The generated pages agree with what they are made from."""

from __future__ import annotations

from pathlib import Path

from artifact.kit.pages import (
    APPENDIX,
    FAQ,
    KIT,
    RESULTS,
    find_stale_pages,
    read_needs,
    render_kit,
)
from artifact.study.loading import load_study
from ground.paths import PROJECT

TWO_PAGES = 110  # lines


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


def test_errors_of_the_scripts_are_in_the_list_of_errors() -> None:
    page = render_kit()[FAQ]
    scripts = "".join((PROJECT / p).read_text() for p in ("ae/run", "images/container/run"))
    for said in ("the cache model lives in QEMU's x86-64 back end", "no container engine",
                 "the engine does not answer", "there is no image",
                 "the Python packages do not load"):  # fmt: skip
        assert said in page
        assert said in scripts
