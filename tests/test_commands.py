# SPDX-License-Identifier: MIT
"""Every command that a document shows is run by a test as it stands, or is listed here as long."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from artifact.judge.reference import find_folder
from artifact.replay import ARCHIVE
from artifact.study.designs import Tier
from ground.paths import PROJECT
from tests.pages import (
    DOCUMENTS,
    copy_project,
    find_inline_commands,
    is_form,
    list_commands,
    run_command,
)

HOW_TO = "tests/test_how_to_pages.py"
# Pages with a test that gives every command of their blocks, in order.
FOLLOWED = {
    **{str(page.relative_to(PROJECT)): HOW_TO for page in PROJECT.glob("docs/add-a*.md")},
    "docs/add-a-geometry.md": "tests/test_geometry_page.py",
    "docs/optimise-your-server.md": "tests/servers/test_guide.py",
    "docs/teaching.md": "tests/labs/test_teaching_page.py",
}
# The same of every command between words.
TYPED = {
    str(page.relative_to(PROJECT)): "tests/labs/test_readme_commands.py"
    for page in PROJECT.glob("labs/*/README.md")
}
# Given here, one after the other, where the committed runs of the full tier were taken in.
RUN = (
    "./invoke --list",
    "./invoke testbed.platform debian12",
    "./invoke results.check",
    "./invoke results.export full.tar.xz --tier full",
    "./invoke results.import full.tar.xz",
    "./invoke reference --tier full",
    "./invoke paper",
    "./invoke paper --draft",
    "./invoke metadata",
    "./invoke kit",
    "./invoke labs.pack cache --platform autolab --out out/cache-autolab.zip",
    "memwalk examples/cascade/annotations.toml --out out/cascade",
    "memwalk explain out/cascade/memwalk.json 'stage_head->stage_send_head'",
    "stingygen out/cascade/memwalk.json --out out/cascade/stingy --geometry skylake-sp-2500",
    "./invoke stingy.bench out/cascade/stingy/map.json",
    "./invoke reproduce --rehearse --tier kick",
)
STATUSES = {"./invoke paper --draft": {0, 3}}  # 3: it is one
# What takes minutes, a build, machines or a container, by patterns, and where the same is tested.
LONG = {
    r"\./invoke lint": "tests/test_documents.py",
    r"\./invoke test( --fast)?( --select .*)?": "tests/test_documents.py",
    r"\./invoke build.*": "tests/forge/test_built_products.py",
    r"\./invoke testbed\.(run|profile|shell)\b.*": "tests/testbed/test_on_machines.py",
    r"\./invoke reproduce(?!.*--rehearse).*": "tests/artifact/test_on_machines.py",
    r"\./invoke reproduce --rehearse": "tests/artifact/test_rehearsal.py",
    r"\./invoke estimate(?!.*--rehearse).*": "tests/artifact/test_reproduce.py",
    r"\./invoke verify.*": "tests/artifact/test_reproduce.py",
    r"\./invoke replay.*": "tests/artifact/test_replay.py",
    r"\./invoke figures.*": "tests/artifact/test_reproduce.py",
    r"\./invoke paper --(own|record)": "tests/artifact/paper/test_paper.py",
    r"\./invoke (kit|metadata) --write": "tests/artifact/kit/test_pages.py",
    r"\./invoke results\.disturb.*": "tests/checks/test_disturbances.py",
    r"\./invoke bench.*": "tests/checks/speed/test_speed_report.py",
    r"\./invoke scaling.*": "tests/checks/speed/test_scaling.py",
    r"\./invoke gallery.*": "tests/checks/gallery/test_gallery.py",
    r"\./invoke stingy\.accuracy.*": "tests/stingy/accuracy/test_accuracy_command.py",
    r"\./invoke tux\.check.*": "tests/tux/test_check.py",
    r"\./invoke tux\.fuzz.*": "tests/tux/test_fuzz.py",
    r"\./invoke tux\.soak.*": "tests/tux/test_soak.py",
    r"ae/run.*": "tests/ae/test_run.py",
    r"for k in .*": "tests/testbed/test_on_machines.py",
    r"python -m tests\.stingy\.fuzz.*": "tests/stingy/memwalk/test_fuzz.py",
    r"python -m tests\.stingy\.scaling.*": "tests/stingy/memwalk/test_scaling.py",
    r"python -m tests\.tux\.mends.*": "tests/tux/test_mends.py",
    r"python -m tests\.tux\.hostile.*": "tests/tux/hostile.py",  # it judges nothing
    r"memwalk record .*": "tests/stingy/proposal/test_record.py",
    r"make|build/\w+ -p .*": "tests/servers/test_http.py",
    r"(insmod|rmmod) tux.*|(sysctl net\.|cat /proc/net/)tux.*": "tests/tux/test_guest.py",
    r"make -C user && user/build/tux-user .*": "tests/tux/servers.py",
}
# For the host of a reader on which something is missing.
REMEDIES = ("podman version", "apt install libstdc++6")


def list_all(document: Path) -> list[str]:
    """The commands of ``document`` that can be typed; one with a word in capitals is a form."""
    found = list_blocks_commands(document) + find_inline_commands(document)
    return [command for command in found if command and not is_form(command)]


def list_blocks_commands(document: Path) -> list[str]:
    """Those between fences, without remarks."""
    return [line.partition(" #")[0].strip() for line in list_commands(document)]


@pytest.fixture(scope="module")
def given() -> set[str]:
    """What some test runs as it stands, and what none can."""
    pages = [list_blocks_commands(PROJECT / page) for page in FOLLOWED]
    typed = [find_inline_commands(PROJECT / page) for page in TYPED]
    return {*RUN, *REMEDIES, *(command for page in pages + typed for command in page)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_each_command_is_run_or_long(document: Path, given: set[str]) -> None:
    """The beginning of a command that is run stands for it."""
    unknown = [
        command
        for command in list_all(document)
        if not any(f"{one} ".startswith(f"{command} ") for one in given)
        and not any(re.fullmatch(pattern, command) for pattern in LONG)
    ]
    assert unknown == []


def test_nothing_is_listed_that_no_document_shows() -> None:
    shown = {command for document in DOCUMENTS for command in list_all(document)}
    assert {*RUN, *REMEDIES} - shown == set()
    assert [p for p in LONG if not any(re.fullmatch(p, command) for command in shown)] == []
    tests = {*LONG.values(), *FOLLOWED.values(), *TYPED.values()}
    assert [test for test in tests if not (PROJECT / test).is_file()] == []


def test_what_the_readme_calls_seconds_is_run() -> None:
    table = (PROJECT / "README.md").read_text().partition("## More commands")[2].partition("##")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    cells = [row[1] for row in rows if row[3].strip() == "seconds"]
    quick = {command for cell in cells for command in re.findall(r"`(.*?)`", cell)}
    assert len(quick) > 5
    assert quick <= set(RUN)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_quick_commands_run_as_they_stand(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    archive = find_folder(Tier.FULL) / ARCHIVE
    run_command(f"./invoke results.import {archive}", project, project=project)
    for command in RUN:
        done = run_command(command, project, project=project, check=False)
        expected = STATUSES.get(command, {0})
        assert done.returncode in expected, f"{command}\n{done.stdout}{done.stderr}"
