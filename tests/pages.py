# SPDX-License-Identifier: MIT
"""Pages of docs/ as their readers use them: blocks of code, and commands that are typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ground import process
from ground.paths import PROJECT

PATH = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"


def read_blocks(page: Path, language: str) -> list[str]:
    """What stands between fences of ``language``."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for found, text in blocks if found == language]


def list_commands(page: Path) -> list[str]:
    """The lines of blocks that have no language: commands for a shell."""
    return [line for block in read_blocks(page, "") for line in block.splitlines()]


def run_command(
    command: str, folder: Path, *, timeout_s: float = 600, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of a page in ``folder``, with this project's tasks behind ./invoke."""
    made = command.replace("./invoke", f"invoke --search-root {PROJECT}")
    environment = {"PATH": PATH, "COLUMNS": "200"}
    return process.run(
        ["sh", "-c", made], cwd=folder, env=environment, timeout_s=timeout_s, check=check
    )
