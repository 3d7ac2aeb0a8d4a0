# SPDX-License-Identifier: MIT
"""memwalk record: how a server's own build calls the compiler, as compile_commands.json.

Make and autoconf write no such file.  A folder with stand-ins for the compiler stands first in
PATH while the build runs; each writes down how it was called, and becomes the real one.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ground import process
from ground.errors import ExitCode, UsageError
from ground.files import write_atomically
from ground.terminal import console

COMPILERS = ("cc", "gcc", "clang", "c99", "x86_64-linux-gnu-gcc")
PROBES = ("conftest.c", "testCCompiler.c", "CMakeCCompilerId.c")
STAND_IN = """\
#!/usr/bin/python3
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps({{"directory": os.getcwd(), "arguments": sys.argv}}) + "\\n")
folders = os.environ["PATH"].split(":")
os.environ["PATH"] = ":".join(one for one in folders if one != {folder!r})
name = os.path.basename(sys.argv[0])
os.execvp(name, [name, *sys.argv[1:]])
"""
EXAMPLES = """\
examples:
  memwalk record --root ../httpd -- make
  memwalk record --root ../httpd -- sh -c './configure && make'
  memwalk record --root ../httpd --out ../httpd/build/compile_commands.json -- make -B

Writes compile_commands.json into the root (or --out), where `memwalk init` finds it.  What is up to
date is not compiled, and so not recorded: clean first.

exit codes: 0 recorded, 1 the build failed (what it compiled is recorded), 2 wrong usage
"""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="memwalk record",
        description="Run a server's build and write down how each of its files is compiled.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="the sources")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write")
    parser.add_argument("command", nargs="+", help="the build, behind --")
    return parser


def run_record(argv: Sequence[str]) -> ExitCode:
    """Build, and write what was compiled."""
    options = make_parser().parse_args(argv)
    root = options.root.resolve()
    if not root.is_dir():
        raise UsageError(f"{options.root} is not a folder", hint="give --root the sources' folder")
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        log.touch()
        path = make_stand_ins(Path(name) / "bin", log)
        status = process.run_in_foreground(
            options.command, cwd=root, env={**os.environ, "PATH": path}
        )
        entries = read_log(log)
    out = options.out or root / "compile_commands.json"
    if not entries:
        raise UsageError(
            "the build compiled nothing",
            hint="clean first, so that all is compiled again; or name the compiler plainly, CC=gcc",
        )
    write_atomically(out, json.dumps(entries, indent=1).encode())
    console.print(f"{out}: {len(entries)} files", markup=False)
    return ExitCode.DOES_NOT_HOLD if status else ExitCode.HOLDS


def make_stand_ins(folder: Path, log: Path) -> str:
    """Put a stand-in for each compiler into ``folder``; the PATH that has them first."""
    folder.mkdir(parents=True)
    for name in COMPILERS:
        path = folder / name
        path.write_text(STAND_IN.format(log=str(log), folder=str(folder)))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


def read_log(log: Path) -> list[dict[str, object]]:
    """One entry for each C file that was compiled, by its first compilation.

    Calls that only preprocess, or list what a file includes, are none.
    """
    found: dict[Path, dict[str, object]] = {}
    for line in log.read_text().splitlines():
        call = json.loads(line)
        folder, words = call["directory"], call["arguments"]
        if {"-E", "-M", "-MM"} & set(words):
            continue
        files = [word for word in words[1:] if word.endswith(".c") and not word.startswith("-")]
        for file in files:
            path = Path(folder, file)
            if path.name not in PROBES and path.is_file():
                rest = [word for word in words[1:] if word == file or word not in files]
                arguments = [Path(words[0]).name, *rest]
                entry = {"directory": folder, "file": file, "arguments": arguments}
                found.setdefault(path.resolve(), entry)
    return [found[path] for path in sorted(found)]
