# SPDX-License-Identifier: MIT
"""memwalk: the passes in their order, from an annotation file to the result.

A pass answers one question about the program, and may use the answers of those before it.
"""

# DEVIATIONS.md: [memwalk]

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stingy.flow.callgraph import find_call_graph
from stingy.flow.constructs import find_constructs
from stingy.flow.footprints import Footprints
from stingy.flow.objects import Objects, find_objects
from stingy.flow.origins import find_foreign
from stingy.flow.pointers import Pointers, resolve_pointers
from stingy.flow.reaches import Reaches
from stingy.flow.stages import find_stages
from stingy.flow.startup import find_held_by_tasks, find_startup
from stingy.lower.linking import Program, link
from stingy.lower.macros import find_macro_values
from stingy.lower.sources import find_sources
from stingy.lower.symbols import check_symbols
from stingy.lower.units import load_units
from stingy.memwalk.absences import Absences, find_born_in_stages
from stingy.memwalk.accesses import find_accesses
from stingy.memwalk.analysis import Analysis
from stingy.memwalk.assembly import assemble
from stingy.memwalk.choices import find_called, find_choices
from stingy.memwalk.depths import Depths
from stingy.memwalk.effects import Effects
from stingy.memwalk.findings import Findings
from stingy.memwalk.interpreter import BUDGET_STEPS, Interpreter
from stingy.memwalk.inventory import add_other_sites, find_holders
from stingy.memwalk.lifetimes import Lifetimes
from stingy.memwalk.memory import Memory
from stingy.memwalk.merging import Merger
from stingy.memwalk.progress import Progress
from stingy.memwalk.requests import Walk
from stingy.memwalk.splitting import Splitter
from stingy.memwalk.stacks import Stacks
from stingy.memwalk.states import Counts
from stingy.model.annotation_file import AnnotationFile, read_annotations
from stingy.model.annotations import Annotations
from stingy.model.program import Spot
from stingy.model.results import Memwalk, WarningKind

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How an analysis is done.

    ``root``: the folder of the sources, where that is not the one in the annotations.  ``fresh``:
    every file anew, whatever is cached.  ``budget``: steps until paths are merged wherever they
    meet.  ``compile_commands``: a file of them, instead of what the annotations say of flags.
    ``report`` is told each file that is analysed, and how far the walk is.
    """

    root: Path | None = None
    fresh: bool = False
    budget: int = BUDGET_STEPS
    compile_commands: Path | None = None
    report: Report = lambda _: None


def analyse(path: Path, options: Options = Options()) -> Memwalk:
    """Analyse the server that the annotation file ``path`` describes.

    Raises UsageError when the annotations are wrong: the message names file, line and remedy.
    """
    return assemble(walk_server(path, options))


def walk_server(path: Path, options: Options = Options()) -> Analysis:
    """The same, with all intermediate results."""
    file = read_annotations(path)
    file = file.at(options.root) if options.root else file
    if options.compile_commands is not None:
        file = file.compiled_by(options.compile_commands)
    program = load_program(file, fresh=options.fresh, report=options.report)
    add_macro_states(file, program)
    check_symbols(file, program)
    return follow(file.annotations, program, file.root, options)


def load_program(
    file: AnnotationFile, *, fresh: bool = False, report: Report = lambda _: None
) -> Program:
    """From sources to one program of small steps."""
    sources = find_sources(file.annotations.sources, file.root)
    return link(load_units(sources, file.root, fresh=fresh, report=report))


def add_macro_states(file: AnnotationFile, program: Program) -> None:
    """States that are macros become constants of the program, as enumerators are."""
    notes = file.annotations.stages
    missing = {s for note in notes for s in note.states if s not in program.constants}
    sources = find_sources(file.annotations.sources, file.root)
    for name, values in find_macro_values(missing, sources).items():
        if len(values) > 1:
            number = next(n for n, note in enumerate(notes) if name in note.states)
            raise file.fail(
                ("stages", number, "states"),
                f"the macro {name} has several values: {', '.join(map(str, sorted(values)))}",
                "the files must agree on the states",
            )
        program.constants[name] = next(iter(values))


def follow(annotations: Annotations, program: Program, root: Path, options: Options) -> Analysis:
    """Every question that is asked of the program."""
    constructs = find_constructs(annotations, program)
    pointers = resolve_pointers(program, constructs)
    objects = find_objects(annotations, program, constructs, pointers)
    stages = find_stages(annotations, program, constructs, pointers)
    findings = Findings()
    foreign = find_foreign(program, constructs, pointers)
    effects = Effects(
        annotations, constructs, objects, stages, Stacks(annotations.dispatch.depth), foreign,
        find_startup(stages, constructs, pointers), find_held_by_tasks(program, objects, pointers),
    )  # fmt: skip
    walk = _walk(effects, program, pointers, findings, options)
    add_other_sites(program, constructs, pointers, objects, findings)
    find_holders(program, list(findings.sites.values()))
    reach: dict[str, set[str]] = {}
    for key, names in findings.visited.items():
        for name in names - {""}:
            reach.setdefault(name, set()).add(key)
    accesses = find_accesses(program, reach, pointers)
    depths = Depths(program, pointers, annotations.stack)
    depths.prepare(root)
    return Analysis(
        annotations, program, constructs, pointers, objects, stages, findings, walk,
        _lifetimes(annotations, program, objects, walk, findings), accesses, depths,
    )  # fmt: skip


def _walk(
    effects: Effects, program: Program, pointers: Pointers, findings: Findings, options: Options
) -> Walk:
    annotations, stages = effects.annotations, effects.stages
    memory = Memory(program, pointers)
    memory.prepare()
    choices = find_choices(program, effects.constructs, pointers)
    called = find_called(program, pointers, stages.relevant)
    stacks = effects.stacks if annotations.dispatch.discipline == "lifo" else None
    footprints = Footprints(program, pointers, find_call_graph(program, pointers))
    reaches = Reaches(program, effects.constructs, pointers, effects.objects, stages, footprints)
    interpreter = Interpreter(
        program, pointers, memory, findings, effects.at_call, effects.at_store, effects.at_test,
        stages.relevant, footprints, Merger(stacks, choices, called), Splitter(reaches),
        options.budget,
    )  # fmt: skip
    final = annotations.dispatch.final or ""
    names = [stages.functions[k] for k in program.find(final) if k in stages.functions]
    absences = Absences(
        memory, pointers, effects.objects, effects.foreign,
        find_born_in_stages(stages, pointers, effects.objects),
    )  # fmt: skip
    walk = Walk(interpreter, effects, absences, stacks, names[0] if names else "")
    progress = Progress(options.budget, options.report)
    interpreter.watch = lambda: progress.watch(
        interpreter.steps, interpreter.followed, len(walk.waiting)
    )
    try:
        walk.run()
    except KeyboardInterrupt:
        findings.warn(
            WarningKind.PARTIAL,
            Spot("", 0),
            f"the walk was interrupted after {interpreter.steps:,} steps: edges, objects and "
            "bounds are missing, and nothing is said to be never live together",
            "give a smaller --budget, and the walk ends sooner",
        )
    return walk


def _lifetimes(
    annotations: Annotations, program: Program, objects: Objects, walk: Walk, findings: Findings
) -> Lifetimes:
    entry: dict[str, set[Counts]] = {}
    for one, point in walk.entries.items():
        entry.setdefault(one.stage, set()).update(s.property.live for s in point.states())
    limits = {
        kind.id: note.max_live
        for note in annotations.objects
        if note.max_live is not None
        for kind in objects.kinds.values()
        if objects.is_noted(kind, note.type, program)
    }
    return Lifetimes(entry, walk.outs, findings.live, limits)
