# SPDX-License-Identifier: MIT
"""memwalk explain: the path that made an edge, the sites of an object, the ways into a stage."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ground.errors import ExitCode
from stingy.memwalk.explain import explain
from stingy.model.results import load_result

EXAMPLES = """\
examples:
  memwalk explain out/cascade/memwalk.json 'stage_head->stage_send_head'
  memwalk explain out/cascade/memwalk.json conn

exit codes: 0 explained, 2 there is no such edge, object or stage
"""


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="memwalk explain",
        description="Show why memwalk says what it says of one edge, object or stage.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("result", type=Path, metavar="MEMWALK.json", help="what memwalk wrote")
    parser.add_argument("name", metavar="NAME", help="'SOURCE->TARGET', an object or a stage")
    return parser


def run_explain(argv: Sequence[str]) -> ExitCode:
    """Print the explanation."""
    options = make_parser().parse_args(argv)
    print("\n".join(explain(load_result(options.result), options.name)))
    return ExitCode.HOLDS
