# SPDX-License-Identifier: MIT
"""memwalk init: an annotation file proposed from the sources, to be confirmed by hand."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ground.documents import parse_toml
from ground.errors import ExitCode, UsageError
from ground.files import write_atomically
from ground.terminal import complete_step, console
from stingy.flow.constructs import Constructs
from stingy.flow.pointers import resolve_pointers
from stingy.lower.linking import Program, link
from stingy.model.annotations import Annotations
from stingy.proposal.candidates import Survey
from stingy.proposal.rooms import find_rooms
from stingy.proposal.sources import choose_sources
from stingy.proposal.writer import Proposal, make_proposal, write_proposal

EXAMPLES = """\
examples:
  memwalk init --root ../httpd --out httpd.toml
  memwalk init --root ../httpd --out httpd.toml --flag=-Iinclude --flag=-DHAVE_POLL
  memwalk init --root ../httpd --out httpd.toml --compile-commands build/compile_commands.json
  memwalk init --root ../httpd --out httpd.toml --task 'struct connection'

Configure and compile the server first: its headers must be there.  Then read what was written from
top to bottom, correct it, and run memwalk on it.

exit codes: 0 a candidate for everything, 1 something has to be filled in (the file says what),
2 wrong usage, 4 the infrastructure failed
"""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="memwalk init",
        description="Propose an annotation file for a server, each entry with its evidence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--root", type=Path, required=True, metavar="DIR", help="the sources")
    add("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    add("--name", default="", help="what the server is called (default: the folder's name)")
    add("--task", default="", metavar="TYPE", help="the type of a request, if you know it")
    add("--files", action="append", default=[], metavar="GLOB", help="only these files")
    add("--flag", action="append", default=[], help="a flag of the compiler, as --flag=-Iinclude")
    add("--compile-commands", type=Path, metavar="FILE", help="flags from a compile_commands.json")
    add("--force", action="store_true", help="write over a file that is there")
    return parser


def run_init(argv: Sequence[str]) -> ExitCode:
    """Analyse, write, say what is left to do."""
    options = make_parser().parse_args(argv)
    if options.out.exists() and not options.force:
        raise UsageError(f"{options.out} is there already", hint="give --force, or another --out")
    with complete_step(f"Reading {options.root}"):
        found, program = propose(options)
    if options.task and found.task not in program.records:
        known = ", ".join(one.name for one in found.tasks[:6])
        raise UsageError(f"the source has no type {options.task}", hint=f"likely ones: {known}")
    text = write_proposal(found, options.root, options.out)
    if "FILL_IN" not in text:
        annotations = Annotations.model_validate(parse_toml(text, options.out))
        found.rooms = find_rooms(annotations, program)
        text = write_proposal(found, options.root, options.out)
    write_atomically(options.out, text.encode())
    for file, why in sorted(found.chosen.refused.items()):
        console.print(
            f"  not analysed: {file}: {why}", style="yellow", markup=False, soft_wrap=True
        )
    for line in (*found.chosen.notes, *found.missing):
        console.print(f"  to do: {line}", style="yellow", markup=False, soft_wrap=True)
    loop = found.loops[0].name if found.loops else "no loop"
    console.print(
        f"{options.out}: {len(found.chosen.units)} files, request {found.task or 'not found'}, "
        f"{loop}, {found.stages} functions that may be stages; read it, then:",
        markup=False,
    )
    console.print(f"  memwalk {options.out} --out out/{found.name}", markup=False)
    filled = not found.missing and "FILL_IN" not in text
    return ExitCode.HOLDS if filled else ExitCode.DOES_NOT_HOLD


def propose(options: argparse.Namespace) -> tuple[Proposal, Program]:
    """What is found in the sources, and these."""
    chosen = choose_sources(
        options.root, tuple(options.files), tuple(options.flag),
        options.compile_commands.resolve() if options.compile_commands else None,
        lambda text: console.print(f"  {text}", markup=False),
    )  # fmt: skip
    program = link(list(chosen.units))
    survey = Survey(program, resolve_pointers(program, Constructs(program)))
    name = options.name or options.root.resolve().name
    return make_proposal(name, chosen, survey, options.task), program
