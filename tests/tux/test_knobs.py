# SPDX-License-Identifier: MIT
"""README's table of knobs says what sysctl.c does: each knob, its default and its range."""

from __future__ import annotations

import re

import pytest

from ground.paths import PROJECT

TUX = PROJECT / "src" / "tux"
README, SOURCE = (TUX / "README.md").read_text(), (TUX / "sysctl.c").read_text()
WORDS = {"TUX_MAX_THREADS": "16", "TUX_MAX_IO_THREADS": "64", "INT_MAX": "2147483647"}
DEFAULTS = dict(re.findall(r"^\t\.(\w+) = ([^,]+),$", SOURCE, re.MULTILINE))
RANGES = {
    name: (low, high)
    for pattern in (
        r"\tNUMBER\((\w+), (\w+), (\w+)\)",
        r'procname = "(\w+)",[^}]*extra1[^}]*\{ (\w+) \},\n[^}]*extra2[^}]*\{ (\w+) \}',
    )
    for name, low, high in re.findall(pattern, SOURCE)
}
TEXTS = {*re.findall(r'\t(?:TEXT\("|CHECKED\()(\w+)', SOURCE)}
TIMEOUTS = ("header_timeout", "keepalive_timeout", "output_timeout", "linger_timeout")


def read_number(text: str) -> int:
    """A number of C, or a name that stands for one; of several words the first."""
    text = WORDS.get(text, text)
    if shift := re.fullmatch(r"(\d+) << (\d+)", text):
        return int(shift[1]) << int(shift[2])
    text = re.split(r"[, ]", text)[0]
    return int(text, 8) if text.startswith("0") else int(text)


def read_table() -> dict[str, tuple[str, str]]:
    """Default and range by knob; a row may be about two."""
    found: dict[str, tuple[str, str]] = {}
    for line in README.split("\n## Knobs")[1].split("\n## ")[0].splitlines():
        if line.startswith("| ") and not line.startswith("| knob"):
            names, defaults, ranges = (cell.strip() for cell in line.strip("|").split("|")[:3])
            for index, name in enumerate(names.removesuffix(" *").split(", ")):
                default = defaults.split(", ")[index:] or defaults.split(", ")
                between = ranges.split("; ")[index:] or ranges.split("; ")
                found[name] = default[0], between[0]
    return found


TABLE = read_table()
NUMBERS = sorted({*RANGES} - {"running", "reopen_log"})


def test_each_knob_has_a_row() -> None:
    assert {*TABLE} == ({*RANGES} | TEXTS) - {"running"}


@pytest.mark.parametrize("name", NUMBERS)
def test_default(name: str) -> None:
    """That of `threads` is at most the number of processors."""
    assert read_number(TABLE[name][0]) == read_number(DEFAULTS.get(name, "0")) or name == "threads"


@pytest.mark.parametrize("name", NUMBERS)
def test_range(name: str) -> None:
    """Where README gives none, it ends where an int does."""
    ends = [int(end) for end in re.findall(r"\d+", TABLE[name][1])]
    low, high = (read_number(text) for text in RANGES[name])
    assert (low, high) == tuple(ends or [0, 2**31 - 1])


@pytest.mark.parametrize("name", TIMEOUTS)
def test_by_default_nobody_waits_for_ever(name: str) -> None:
    assert read_number(DEFAULTS[name]) > 0
