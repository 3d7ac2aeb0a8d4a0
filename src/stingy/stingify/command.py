# SPDX-License-Identifier: MIT
"""stingify: rewrite an annotated server's allocations and releases into Stingy calls."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ground.errors import ExitCode
from ground.files import write_atomically
from ground.terminal import complete_step, console, report_errors
from stingy.flow.constructs import find_constructs
from stingy.flow.objects import find_objects
from stingy.flow.pointers import resolve_pointers
from stingy.lower.sources import find_sources, find_unread
from stingy.memwalk.passes import load_program
from stingy.model.annotation_file import AnnotationFile, read_annotations
from stingy.model.results import Memwalk, load_result
from stingy.stingify.judgement import Judge, Server
from stingy.stingify.recyclers import find_recyclers
from stingy.stingify.report import RewriteReport, describe, render_report, show_report
from stingy.stingify.rewrite import (
    BODY,
    Copy,
    check_compiles,
    copy_sources,
    find_already,
    make_diff,
    rewrite_copy,
)
from stingy.stingify.sites import ObjectDecision, Rewriting, SiteDecision, Status
from stingy.stingygen.generate import name_constants
from stingy.stingygen.map import Map, load_map

EXAMPLES = """\
examples:
  stingify annotations.toml --result out/memwalk.json --allocator out/stingy --out out/new
  stingify annotations.toml --result out/memwalk.json --allocator out/stingy --out out/new --json

Writes into DIR: source/ (the rewritten copy, with stingy.h and stingy.c), patches/ (the semantic
patches), stingify.diff, report.json, report.html.  The sources themselves are never touched.
Compile source/stingy.c with the server.

exit codes: 0 every object comes from Stingy, 1 some are refused (the report says why; the rest is
rewritten), 2 wrong usage, 4 the infrastructure failed
"""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="stingify",
        description="Rewrite the allocations and releases of a server's per-request objects into "
        "calls of the allocator that stingygen made, in a copy of the sources.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("annotations", type=Path, metavar="ANNOTATIONS.toml", help="what the server's parts are")
    add("--result", type=Path, required=True, metavar="MEMWALK.json", help="what memwalk wrote")
    add("--allocator", type=Path, required=True, metavar="DIR", help="what stingygen wrote")
    add("--out", type=Path, required=True, metavar="DIR", help="where everything goes")
    add("--root", type=Path, metavar="DIR", help="the sources, if not where the annotations say")
    add(
        "--no-compile",
        action="store_true",
        help="do not compile what was rewritten (for sources that need their own build)",
    )
    add("--json", action="store_true", help="print the report as JSON on stdout")
    return parser


def inspect_server(file: AnnotationFile) -> Server:
    """The passes of memwalk that stingify relies on."""
    program = load_program(file)
    constructs = find_constructs(file.annotations, program)
    pointers = resolve_pointers(program, constructs)
    objects = find_objects(file.annotations, program, constructs, pointers)
    recyclers = frozenset(find_recyclers(program, constructs))
    return Server(program, constructs, pointers, objects, recyclers)


@dataclass(frozen=True)
class Task:
    """What is to be rewritten, with what, and where to."""

    file: AnnotationFile
    root: Path
    result: Memwalk
    plan: Map
    allocator: Path
    out: Path


def rewrite(task: Task) -> RewriteReport:
    """Decide, rewrite, and decide again without what Coccinelle does not find."""
    constants = name_constants(task.plan)["object"]
    copy_sources(task.root, task.out / "source", task.allocator)
    already = find_already(task.root, constants)
    kinds = {o.id: o.type for o in task.result.objects}
    old = Rewriting(
        [_make_old(name, kinds.get(name, ""), constants[name]) for name in sorted(already)],
        [site for sites in already.values() for site in sites],
    )
    new, copy = _rewrite_new(task, set(already), constants)
    unread = find_unread(task.file.annotations.sources, task.root)
    return _make_report(task.result.server, old, new, copy, unread)


def _rewrite_new(
    task: Task, already: set[str], constants: dict[str, str]
) -> tuple[Rewriting, Copy]:
    """Rewrite all objects but those that were before."""
    objects = [o for o in task.result.objects if o.id not in already]
    if not objects:
        return Rewriting(), Copy(task.out / "source", (), (), ())
    judge = Judge(inspect_server(task.file), task.result.model_copy(update={"objects": objects}))
    left_out = {x.name: x.reason for x in task.plan.left_out}
    while True:
        rewriting = judge.decide(constants, left_out)
        chosen = [o for o in rewriting.objects if o.status is Status.REWRITTEN]
        copy = rewrite_copy(task.out / "source", task.out / "patches", rewriting.chosen(), chosen)
        if not copy.missed:
            return rewriting, copy
        copy_sources(task.root, task.out / "source", task.allocator)
        left_out |= {site.object: _explain_miss(site) for site in copy.missed}


def _explain_miss(site: SiteDecision) -> str:
    return (
        f"{site.file}:{site.line}: Coccinelle does not find this call; "
        f"see spatch --parse-c {site.file}"
    )


def _make_old(name: str, type_: str, constant: str) -> ObjectDecision:
    return ObjectDecision(
        object=name,
        type=type_,
        constant=constant,
        status=Status.ALREADY,
        reason="was rewritten before",
    )


def _make_report(
    server: str, old: Rewriting, new: Rewriting, copy: Copy, unread: list[str]
) -> RewriteReport:
    sites = sorted([*new.sites, *old.sites], key=lambda s: (s.file, s.line, s.column, s.object))
    return RewriteReport(
        server=server,
        objects=tuple(sorted([*new.objects, *old.objects], key=lambda o: o.object)),
        sites=tuple(sites),
        changed=copy.changed,
        recycling=copy.recycling,
        notes=tuple(_write_notes(new, copy, unread)),
    )


def _write_notes(rewriting: Rewriting, copy: Copy, unread: list[str]) -> list[str]:
    notes = [
        f"{name}() gives dead objects back at once: Stingy's pool is the free list"
        for name in copy.recycling
    ]
    for item in rewriting.objects:
        notes += [
            f"{name}() may keep dead {item.object} objects on a list of its own; the query then "
            f"counts their slots as taken"
            for name in item.recycling
            if name not in copy.recycling
        ]
    wasted = [o.object for o in rewriting.objects if o.status is Status.REFUSED and o.constant]
    if wasted:
        flags = " ".join(f"--without {name}" for name in wasted)
        notes.append(f"pools that stay empty take room; run stingygen again with {flags}")
    if unread and copy.changed:
        shown = ", ".join(unread[:3]) + (", ..." if len(unread) > 3 else "")
        notes.append(
            f"{len(unread)} files that the build compiles were not read ({shown}): see that none "
            "of them releases, or allocates, what comes from Stingy now"
        )
    return [*notes, f"compile {BODY} with the server"] if copy.changed else notes


def run(options: argparse.Namespace) -> ExitCode:
    """Rewrite, check, write, report."""
    file = read_annotations(options.annotations)
    file = file.at(options.root) if options.root else file
    root = file.root
    out = options.out.resolve()  # the compiler runs elsewhere
    result, plan = load_result(options.result), load_map(options.allocator / "map.json")
    with complete_step(f"Rewriting {root}"):
        report = rewrite(Task(file, root, result, plan, options.allocator, out))
    copy = out / "source"
    if not options.no_compile:
        with complete_step(f"Compiling {len(report.changed)} changed files"):
            sources = find_sources(file.annotations.sources, root)
            check_compiles(copy, root, sources, report.changed)
    _write(report, make_diff(root, copy, report.changed), out)
    if options.json:
        print(report.model_dump_json(indent=2))
    else:
        Console().print(show_report(report))
    console.print(f"{describe(report)} Written into {options.out}.", markup=False)
    return ExitCode.DOES_NOT_HOLD if report.refused else ExitCode.HOLDS


def _write(report: RewriteReport, diff: str, out: Path) -> None:
    write_atomically(out / "stingify.diff", diff.encode())
    write_atomically(out / "report.json", report.model_dump_json(indent=2).encode())
    write_atomically(out / "report.html", render_report(report, diff).encode())


@report_errors
def main(argv: Sequence[str] | None = None) -> ExitCode:
    """The entry point of the console script."""
    return run(make_parser().parse_args(argv))
