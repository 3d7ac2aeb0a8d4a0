# SPDX-License-Identifier: MIT
"""Pages of docs/ as their readers use them: blocks of code, and commands that are typed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ground import process
from ground.paths import PROJECT

PATH = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "ae/*.md", "docs/*.md", "results/*.md", "paper/*.md", "images/*/*.md",
                    "src/*/*.md", "examples/*/*.md", "labs/*/*.md", "tests/*/*/*.md")
    for path in PROJECT.glob(pattern)
)  # fmt: skip
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`([\w./-]+)`:$")  # the last words before a block that is a whole file
COMMAND = re.compile(
    r"(\./invoke|ae/run|python3? -m|\.venv/bin/\w+) |(memwalk|stingygen|stingify) .*/"
    r"|make\b(?!_)|\./(?!results)\w+|\(.*\| *\./|podman version"
    r"|(mkdir|apt|apt-cache|dask|insmod) [\w/-]"
)
FORM = re.compile(r"(?<![^\s'\"])[A-Z]+(?![^\s'\"])")
NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv", ".*cache", ".hypothesis", "__pycache__", "out"
)


@dataclass(frozen=True)
class Block:
    """What stands between two fences; ``file`` is the one that the words before it name."""

    language: str
    text: str
    file: str


def list_blocks(page: Path) -> list[Block]:
    """All blocks of ``page``, in order."""
    text, blocks = page.read_text(), []
    for found in BLOCK.finditer(text):
        named = NAMED.search(text[: found.start()].rstrip())
        blocks.append(Block(found[1], found[2], named[1] if named else ""))
    return blocks


def read_blocks(page: Path, language: str) -> list[str]:
    """What stands between fences of ``language``."""
    return [block.text for block in list_blocks(page) if block.language == language]


def list_commands(page: Path) -> list[str]:
    """The lines of blocks that have no language: commands for a shell."""
    return [line for block in read_blocks(page, "") for line in block.splitlines()]


def find_inline_commands(page: Path) -> list[str]:
    """Code between words, whatever its line breaks are, that begins as a command does."""
    prose = BLOCK.sub("", page.read_text())
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    return [span for span in spans if COMMAND.match(span)]


def is_form(command: str) -> bool:
    """Whether a word of it, in capitals, stands for what its reader puts there."""
    return bool(FORM.search(command))


def run_command(
    command: str, folder: Path, *, project: Path = PROJECT, timeout_s: float = 1700,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run a command of a page in ``folder``, with the tasks of ``project`` behind ./invoke."""
    made = command.replace("./invoke", f"invoke --search-root {project}")
    environment = {
        "PATH": PATH,
        "PYTHONPATH": f"{project}/src:{project}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
    }
    return process.run(
        ["sh", "-c", made], cwd=folder, env=environment, timeout_s=timeout_s, check=check
    )


def copy_project(folder: Path) -> Path:
    """A copy of the sources as ``folder``, with this Python environment, to be changed."""
    shutil.copytree(PROJECT, folder, symlinks=True, ignore=NOT_SOURCES)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def follow_page(page: Path, project: Path) -> list[str]:
    """Do in ``project`` what ``page`` says, in order, and return what each command printed.

    A block without a language is commands.  One of `text` is what the last of them printed, line by
    line, with `...` for what is left out.  One of `diff` changes a file, and any other one is the
    whole of the file that the words before it name, or nothing to be done.
    """
    printed: list[str] = []
    for block in list_blocks(page):
        if block.language == "":
            for command in block.text.splitlines():
                done = run_command(command, project, project=project, check=False)
                printed.append(f"{done.stdout}{done.stderr}")
                assert done.returncode == 0, f"{command}\n{printed[-1]}"
        elif block.language == "text":
            assert_printed(block.text, printed[-1])
        elif block.language == "diff":
            change = project.with_suffix(".diff")
            change.write_text(block.text)
            process.run(["patch", "-p0", "--fuzz=0", "-i", change], cwd=project)
        elif block.file:
            file = project / block.file
            assert not file.exists(), f"{block.file} is there already"
            file.write_text(block.text)
    return printed


def assert_printed(expected: str, printed: str) -> None:
    """Each line of ``expected`` occurs in ``printed``, in order, whatever the blanks are."""
    rest = " ".join(printed.split())
    for line in expected.splitlines():
        for part in filter(None, (" ".join(words.split()) for words in line.split("..."))):
            _, found, rest = rest.partition(part)
            assert found, f"{part!r} is not in\n{printed}"
