# SPDX-License-Identifier: MIT
"""DEVIATIONS.md and the sources name the same points, by their tags."""

from __future__ import annotations

import re
from collections import Counter

from ground.paths import PROJECT

ROW = re.compile(r"^\| (?!tag \|)(?!---)([^|]+?) \|", re.MULTILINE)
NOTE = re.compile(r"DEVIATIONS\.md: (\[.+)")
WRAPPED = re.compile(r"(?<=\S)\n(?=\S)")  # within a paragraph
TAG = re.compile(r"\[([^\]]+)\]")


def list_documented() -> list[str]:
    return ROW.findall((PROJECT / "DEVIATIONS.md").read_text())


def list_noted() -> list[str]:
    """Tags in sources of Python and in the documents beside sources of C."""
    texts = [path.read_text() for path in (PROJECT / "src").rglob("*.py")]
    texts += [WRAPPED.sub(" ", p.read_text()) for p in (PROJECT / "src").glob("*/README.md")]
    notes = [note for text in texts for note in NOTE.findall(text)]
    return [tag for note in notes for tag in TAG.findall(note)]


def test_each_tag_stands_once_in_the_document_and_in_a_source() -> None:
    documented, noted = Counter(list_documented()), Counter(list_noted())
    assert len(documented) > 50
    assert documented == Counter(documented.keys())
    assert noted == documented
