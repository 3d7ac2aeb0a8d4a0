# SPDX-License-Identifier: MIT
"""How numbers are written: in the PDF and in ``numbers.tex`` alike."""

from __future__ import annotations

import math
from typing import Final

from artifact.paper.numbers import COUNT, Number, Numbers
from artifact.statistics.estimates import describe_interval

DIGITS: Final = 3
LEADING_ZEROS: Final = 2  # behind the point; what is smaller has fewer digits
MACROS: Final = """\
% Every number of the paper for LaTeX: \\num{NAME}, \\interval{NAME}, \\change{NAME},
% \\share{NAME} and \\verdict{NAME}; a name that has none is an error. Generated.
\\makeatletter
\\newcommand{\\tuxstingy@take}[2]{\\@ifundefined{ts@#1@#2}%
  {\\PackageError{numbers}{no #1 of #2}{Names are in numbers.json.}}{\\csname ts@#1@#2\\endcsname}}
"""
COMMANDS: Final = {
    "value": "num",
    "interval": "interval",
    "change": "change",
    "share": "share",
    "verdict": "verdict",
}


def write_plain(value: float) -> str:
    """Three significant digits, or all those before the point, with thousands apart."""
    whole = math.floor(math.log10(abs(value))) + 1 if value else 1
    decimals = max(0, DIGITS - max(whole, 1 - LEADING_ZEROS))
    return f"{value:,.{decimals}f}"


def write_percent(part: float) -> str:
    """``part`` of one, in percent, without its sign: one decimal below ten."""
    percent = abs(part) * 100
    return (
        f"{percent:.1f}\N{NO-BREAK SPACE}%"
        if percent < 9.95
        else f"{percent:.0f}\N{NO-BREAK SPACE}%"
    )


def write_number(number: Number) -> dict[str, str]:
    """Every way in which ``number`` can be written: its ``value``, with ``interval``, the
    ``change`` that it is as a ratio, itself as a ``share``, its ``verdict``; what it has not is
    left out.  A bound has no value."""
    texts: dict[str, str] = {}
    bounds = describe_interval(number.low, number.high, write_plain)
    is_bound = bounds is not None and None in (number.low, number.high)
    if number.value is not None and not is_bound:
        counted = number.measured == COUNT
        texts["value"] = f"{number.value:,.0f}" if counted else write_plain(number.value)
        texts["change"] = write_percent(number.value - 1)
        texts["share"] = write_percent(number.value)
    if bounds is not None:
        texts["interval"] = bounds if is_bound else f"{texts['value']} ({bounds})"
        texts["bounds"] = bounds
    if number.verdict is not None:
        texts["verdict"] = number.verdict.value
    return texts


def write_macros(numbers: Numbers) -> str:
    """All of ``numbers`` that were measured, as LaTeX."""
    lines = [MACROS]
    for kind, command in COMMANDS.items():
        lines.append(f"\\newcommand{{\\{command}}}[1]{{\\tuxstingy@take{{{kind}}}{{#1}}}}\n")
    for name, number in numbers.numbers.items():
        if number.state != "measured":
            lines.append(f"% {name}: {number.state}\n")
            continue
        texts = write_number(number)
        for kind in COMMANDS:
            if kind in texts:
                text = texts[kind].replace("\N{NO-BREAK SPACE}", "~").replace("%", "\\%")
                lines.append(f"\\@namedef{{ts@{kind}@{name}}}{{{text}}}\n")
    return "".join([*lines, "\\makeatother\n"])
