# SPDX-License-Identifier: MIT
"""memwalk: from annotated C to stages, objects, stacks and their graph."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from ground.errors import ExitCode
from ground.files import write_atomically
from ground.terminal import complete_step, console, report_errors
from stingy.memwalk.explain_command import run_explain
from stingy.memwalk.interpreter import BUDGET_STEPS
from stingy.memwalk.passes import Options, analyse
from stingy.memwalk.report import (
    describe_partial,
    describe_refusals,
    describe_result,
    render_page,
    show_result,
)
from stingy.memwalk.stage_graph import draw_graph
from stingy.model.results import Memwalk
from stingy.proposal.command import run_init
from stingy.proposal.recording import run_record

EXAMPLES = """\
examples:
  memwalk examples/cascade/annotations.toml --out out/cascade
  memwalk annotations.toml --out out --json | jq .exclusions
  memwalk annotations.toml --out out --quiet
  memwalk experiments/annotations/tux.toml --root LINUX/net/tux --out out/tux
  memwalk annotations.toml --out out --compile-commands build/compile_commands.json
  memwalk init --root ../httpd --out httpd.toml          (proposes annotations; see --help there)
  memwalk explain out/memwalk.json 'on_read->on_write'   (see memwalk explain --help)

Writes memwalk.json, memwalk.html and graph.svg into DIR.

Ctrl-C ends the walk; what was found so far is written, marked as partial.

exit codes: 0 everything was analysed, 1 a file was refused (the rest was analysed) or the walk was
interrupted, 2 wrong usage, 4 the infrastructure failed
"""
COMMANDS_HELP = (
    "a compile_commands.json, instead of what [sources] says of flags; the files stay those of "
    "[sources] files"
)
BUDGET_HELP = (
    "how many steps paths are followed one by one (default: %(default)s); then they are merged "
    "where they meet, and the result says where: conservative, less exact"
)


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="memwalk",
        description="Find the stages of an event-driven C server, what follows what, the memory "
        "that each stage needs for a request, and what is never live together.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("annotations", type=Path, metavar="ANNOTATIONS.toml", help="what the server's parts are")
    add("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    add("--root", type=Path, metavar="DIR", help="the sources, if not where the annotations say")
    add("--fresh", action="store_true", help="analyse every file again, whatever is cached")
    add("--compile-commands", type=Path, metavar="FILE", help=COMMANDS_HELP)
    add("--budget", type=_read_budget, default=BUDGET_STEPS, metavar="STEPS", help=BUDGET_HELP)
    add("--quiet", action="store_true", help="print the summary only, without the tables")
    add("--json", action="store_true", help="print the result as JSON on stdout")
    return parser


def _read_budget(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of steps")
    return int(text)


def run(options: argparse.Namespace) -> ExitCode:
    """Analyse, write, report."""
    with complete_step(f"Analysing {options.annotations}"), _without_collection():
        result = analyse(
            options.annotations,
            Options(
                root=options.root,
                fresh=options.fresh,
                budget=options.budget,
                compile_commands=options.compile_commands,
                report=lambda text: console.print(f"  {text}", markup=False),
            ),
        )
    write_result(result, options.out)
    if options.json:
        print(result.to_json().decode())
    elif options.quiet:
        console.print(describe_result(result), markup=False)
        for line in [*describe_refusals(result), *describe_partial(result)]:
            console.print(line, style="yellow", markup=False)
    else:
        Console().print(show_result(result))
    console.print(f"wrote memwalk.json, memwalk.html, graph.svg into {options.out}", markup=False)
    refused = any(unit.status == "refused" for unit in result.units)
    return ExitCode.DOES_NOT_HOLD if refused or result.partial else ExitCode.HOLDS


@contextmanager
def _without_collection() -> Iterator[None]:
    """Nearly all that an analysis makes lives to its end: looking for garbage only takes time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def write_result(result: Memwalk, folder: Path) -> None:
    """The result as JSON, the page, and the graph."""
    write_atomically(folder / "memwalk.json", result.to_json())
    write_atomically(folder / "memwalk.html", render_page(result).encode())
    draw_graph(result, folder / "graph.svg")


@report_errors
def main(argv: Sequence[str] | None = None) -> ExitCode:
    """The entry point of the console script."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["explain"]:
        return run_explain(words[1:])
    if words[:1] == ["init"]:
        return run_init(words[1:])
    if words[:1] == ["record"]:
        return run_record(words[1:])
    return run(make_parser().parse_args(words))
