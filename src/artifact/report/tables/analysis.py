# SPDX-License-Identifier: MIT
"""Figures 2 to 5: TUX as memwalk and stingygen see it, from the products of the build."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from matplotlib.figure import Figure

from artifact.report.illustration import Illustration
from artifact.runs.plan import Plan
from artifact.runs.rehearsal import SYNTHETIC
from figures import constructs, declarations, memory_map, stage_calls
from figures.style import Origin
from forge.manifest import NAME, Manifest
from ground.errors import UsageError
from ground.paths import find_outputs
from stingy.model.results import Memwalk, load_result
from stingy.stingygen.drawing import find_extents
from stingy.stingygen.map import Map, load_map

COMMAND = "./invoke build && ./invoke figures --tier {tier}"
CAPTIONS = {
    "figure2": "Figure 2: the constructs of an event-driven server, the functions that are them in "
    "{server}, and their types in roles. Queue is not in the paper: a call that makes a request "
    "runnable, or lets it wait, without naming a stage.",
    "figure3": "Figure 3: what the annotation file declares of {server}. A bar marks wrappers: "
    "functions that do not fit their construct as they are, since they imply the object or its "
    "size, or count in some places only (in brackets).",
    "figure4": "Figure 4: the stage call graph. A stage has the most bytes that the objects of one "
    "request occupy in it, and its deepest stack; bars share one scale.{assumption} Edges without "
    "a label are queued by the stage itself; stack: pushed by an earlier stage; flush: the stack "
    "of stages is empty; direct: called; helper: by way of a thread that may block; socket, timer: "
    "when that is ready. Below: where each object can be live (shaded), is allocated (+) and freed "
    "(\N{MINUS SIGN}; on the way of an error too).",
    "figure5": "Figure 5: the memory map. Left: the cache slab to scale; low and high slab are cut "
    "off. Right: the L2 sets that its lines occupy, one column a page colour, one row for each "
    "line that a set holds.",
}


@dataclass(frozen=True)
class ServerAnalysis:
    """What the build's stage ``tux-stingy`` found and laid out."""

    result: Memwalk
    plan: Map
    origin: Origin


def load_analysis(plan: Plan) -> ServerAnalysis | None:
    """The analysis that belongs to the last build; None for a rehearsal, which has no build.

    The footers say so if the results of ``plan`` are another build's.  Raises UsageError that says
    what to run if nothing was built.
    """
    if SYNTHETIC in plan.products:
        return None
    manifest = Manifest.load(find_outputs() / NAME)
    folder = manifest.analysis.path
    if not (folder / "memwalk.json").is_file():
        raise UsageError(f"{folder} is gone: Figures 2 to 5 need it", hint="run ./invoke build")
    result = load_result(folder / "memwalk.json")
    same = all(plan.products.get(name) == digest for name, digest in manifest.digests().items())
    note = "" if same else "of another build than the results"
    origin = Origin(result.server, manifest.analysis.sha256, note)
    return ServerAnalysis(result, load_map(folder / "map.json"), origin)


def list_analysis_illustrations(analysis: ServerAnalysis, tier: str) -> list[Illustration]:
    """Figures 2 to 5; without Figure 4 where Graphviz is not installed (in the container)."""
    result, plan, origin = analysis.result, analysis.plan, analysis.origin
    drawn: dict[str, tuple[Callable[[], Figure], pl.DataFrame]] = {
        "figure2": (
            lambda: constructs.draw(result.interface, result.task, origin),
            tabulate_interface(result),
        ),
        "figure3": (
            lambda: declarations.draw(result.interface, origin),
            tabulate_declarations(result),
        ),
        "figure4": (lambda: stage_calls.draw(result, origin), tabulate_stages(result)),
        "figure5": (lambda: memory_map.draw(plan, origin), tabulate_map(plan)),
    }
    if shutil.which("dot") is None:
        del drawn["figure4"]
    command = COMMAND.format(tier=tier)
    return [
        _make(
            name,
            CAPTIONS[name].format(server=result.server, assumption=describe_assumption(result)),
            draw,
            table,
            command,
        )
        for name, (draw, table) in drawn.items()
    ]


def _make(
    name: str, caption: str, draw: Callable[[], Figure], table: pl.DataFrame, command: str
) -> Illustration:
    """A figure that has nothing to do with the runs' results."""
    return Illustration(name, "", caption, (), lambda _r, _p: draw(), lambda _: table, command)


def describe_assumption(result: Memwalk) -> str:
    """What the stack depths rest on, as a sentence; "" if on the compiler's frames alone."""
    assumed = {f.bytes for d in result.stacks for f in d.chain if f.source == "assumption"}
    if not assumed:
        return ""
    amount = f"{max(assumed):,}" if len(assumed) == 1 else f"up to {max(assumed):,}"
    return f" Stack depths include {amount} bytes, assumed, for calls out of the server."


def tabulate_interface(result: Memwalk) -> pl.DataFrame:
    """Figure 2, with the C types, which it has no room for."""
    rows = [
        (
            one.kind,
            one.name,
            one.type,
            one.signature,
            f"{one.location.file}:{one.location.line}" if one.location else "",
            one.wrapper,
        )
        for one in result.interface
    ]
    columns = ["construct", "function", "type", "c_type", "defined_in", "wrapper"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def tabulate_declarations(result: Memwalk) -> pl.DataFrame:
    """Figure 3."""
    rows = [(one.kind, one.text, "; ".join(one.notes)) for one in result.interface]
    return pl.DataFrame(rows, schema=["construct", "declaration", "notes"], orient="row")


def tabulate_stages(result: Memwalk) -> pl.DataFrame:
    """Figure 4: a row for each stage, with its successors."""
    rows = []
    for stage in result.stages:
        after = [f"{e.target} ({e.kind.value})" for e in result.edges if e.source == stage.name]
        lists = (stage.allocates, stage.frees, after)
        rows.append(
            (stage.name, stage.peak_bytes, stage.stack_bytes, *("; ".join(one) for one in lists))
        )
    columns = ["stage", "object_bytes", "stack_bytes", "allocates", "frees", "successors"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def tabulate_map(plan: Map) -> pl.DataFrame:
    """Figure 5: slabs, and what lies in the cache slab; offsets are from the region's start."""
    rows = [(f"{slab.name} slab", slab.offset, slab.bytes, "") for slab in plan.slabs]
    base = plan.slab("cache").offset
    rows += [(e.name, base + e.start, e.end - e.start, e.slots) for e in find_extents(plan)]
    return pl.DataFrame(rows, schema=["part", "offset_bytes", "bytes", "slots"], orient="row")
