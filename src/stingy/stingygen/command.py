# SPDX-License-Identifier: MIT
"""stingygen: from memwalk's result to the memory map, its proof, its figure and its allocator."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.console import Console

from ground.documents import MisfitError, fit
from ground.errors import ExitCode, UsageError
from ground.terminal import console, report_errors
from stingy.model.results import load_result
from stingy.stingygen.demand import leave_out, make_demand
from stingy.stingygen.drawing import draw_map
from stingy.stingygen.generate import Backing, Target, generate, write_allocator
from stingy.stingygen.geometry import find_geometries, load_l2, parse_bytes
from stingy.stingygen.map import Map, Parameters, save_map
from stingy.stingygen.mutants import MUTANTS
from stingy.stingygen.plan import plan_map
from stingy.stingygen.proof import Proof, prove
from stingy.stingygen.report import describe_proof, show_map

EXAMPLES = """\
examples:
  stingygen out/memwalk.json --out out/stingy
  stingygen out/memwalk.json --out out/stingy --target kernel --geometry tualatin-1400
  stingygen out/memwalk.json --out out/debug --debug
  stingygen out/memwalk.json --out out/stingy --share-left 0.5 --weight conn=2 --requests 10000

Writes map.json, map.svg, stingy.h and stingy.c into DIR; for the kernel stingy_trace.h too.

exit codes: 0 written and proven, 1 the L0 proof fails (nothing is written), 2 wrong usage,
4 the infrastructure failed
"""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="stingygen",
        description="Lay the memory of a server's requests out in the L2 cache, prove that every "
        "line has a place of its own, and generate the allocator.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("result", type=Path, metavar="MEMWALK.json", help="what memwalk wrote")
    add("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    add(
        "--geometry",
        default="banias-1400",
        help=f"{', '.join(find_geometries())}, or a path ending in .toml",
    )
    add("--target", choices=[t.value for t in Target], default="user", help="where it runs")
    add(
        "--backing",
        choices=[b.value for b in Backing],
        default=Backing.SLABS.value,
        help="slabs, or to compare with: a kmem_cache for each type (kernel only)",
    )
    add("--slab-bytes", metavar="SIZE", help="size of the cache slab, as 768KiB (default: derived)")
    add(
        "--share-left",
        type=float,
        metavar="SHARE",
        help="part of L2 that is left to code and network stack (default: 0.25)",
    )
    add(
        "--outside-bytes",
        metavar="SIZE",
        help="what a request touches outside of the slabs, as sockets and packets, and what "
        "therefore has to fit beside the slab (default: 0)",
    )
    add(
        "--weight",
        action="append",
        default=[],
        metavar="OBJECT=X",
        help="X times as many slots for this object's pool; may be repeated",
    )
    add(
        "--without",
        action="append",
        default=[],
        metavar="OBJECT",
        help="give this object no pool, as for one that stingify refuses; may be repeated",
    )
    add("--requests", type=int, metavar="N", help="requests that all slabs hold (default: 4096)")
    add("--low-bytes", metavar="SIZE", help="room below the stack (default: 16KiB)")
    add("--debug", action="store_true", help="red zones and poisoning, at the cost of slots")
    add(
        "--mutant",
        choices=sorted(MUTANTS),
        help="spoil the map on purpose, to see that proof and measurement notice",
    )
    add(
        "--unproven",
        action="store_true",
        help="write the files even if the L0 proof fails (controls and mutants need this)",
    )
    add("--json", action="store_true", help="print map and proof as JSON on stdout")
    return parser


def read_parameters(options: argparse.Namespace) -> Parameters:
    """Parameters from the command line; UsageError names the flag."""
    given = {
        "slab_bytes": _read_size("--slab-bytes", options.slab_bytes),
        "share_left": options.share_left,
        "outside_bytes": _read_size("--outside-bytes", options.outside_bytes),
        "requests": options.requests,
        "low_bytes": _read_size("--low-bytes", options.low_bytes),
        "red_zone_bytes": 1 if options.debug else None,
        "weights": dict(_read_weight(text) for text in options.weight) or None,
    }
    try:
        return fit(Parameters, {k: v for k, v in given.items() if v is not None})
    except MisfitError as misfit:
        complaint = misfit.complaint
        flag = str(complaint.field[0]).replace("_", "-").replace("weights", "weight")
        raise UsageError(f"--{flag}: {complaint.problem}", hint=complaint.remedy) from None


def _read_size(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_bytes(text)
    except ValueError:
        raise UsageError(
            f"{flag} {text!r} is not a size", hint="write a number of bytes, or one like 768KiB"
        ) from None


def _read_weight(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise UsageError(
            f"--weight {text!r} is not OBJECT=X", hint="write for example --weight conn=1.5"
        ) from None


def draw(plan: Map, path: Path) -> None:
    """Write the map's figure; equal maps give equal bytes."""
    with rc_context({"svg.hashsalt": "stingy", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        draw_map(figure, plan)
        figure.savefig(path, metadata={"Date": None, "Creator": "stingygen"})


def run(options: argparse.Namespace) -> ExitCode:
    """Plan, prove, write, report."""
    demand = leave_out(make_demand(load_result(options.result)), options.without)
    plan = plan_map(demand, load_l2(options.geometry), read_parameters(options))
    if options.mutant:
        plan = MUTANTS[options.mutant](plan)
    proof = prove(plan)
    written = proof.holds or options.unproven
    if written:
        files = generate(plan, Target(options.target), Backing(options.backing))
        write_allocator(files, options.out)
        save_map(plan, options.out / "map.json")
        draw(plan, options.out / "map.svg")
    _report(plan, proof, options)
    if not proof.holds and not options.unproven:
        raise UsageError(
            describe_proof(proof),
            hint="give a smaller --slab-bytes; --unproven writes the files all the same",
            code=ExitCode.DOES_NOT_HOLD,
        )
    console.print(f"wrote map.json, map.svg, {', '.join(files)} into {options.out}")
    return ExitCode.HOLDS if proof.holds else ExitCode.DOES_NOT_HOLD


def _report(plan: Map, proof: Proof, options: argparse.Namespace) -> None:
    if options.json:
        document = {"map": plan.model_dump(mode="json"), "proof": proof.model_dump(mode="json")}
        print(json.dumps(document, indent=2))
    else:
        Console().print(show_map(plan, proof))


@report_errors
def main(argv: Sequence[str] | None = None) -> ExitCode:
    """The entry point of the console script."""
    return run(make_parser().parse_args(argv))
