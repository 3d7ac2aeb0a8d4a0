# SPDX-License-Identifier: MIT
"""Prose may not state what nothing holds against the results."""

from __future__ import annotations

import re

import pytest

from artifact.paper.prose import lint, lint_source, load_terms
from artifact.paper.typesetting import FOLDER

TERMS = [re.compile(term.pattern) for term in load_terms(FOLDER)]


def complain(source: str) -> list[str]:
    return [str(complaint) for complaint in lint_source(source, "x.typ", TERMS)]


def test_the_prose_of_the_paper_is_bound() -> None:
    assert not lint(FOLDER)


@pytest.mark.parametrize(
    "source",
    [
        "The L2 cache of Linux 2.6.7, figure 7(b), and the e1000.",
        "// 17 of them\nNone. /* 17 % */",
        '#claim("a.b-40/c rises holds")[It rises to #n("a.b-40/c").]',
        '#artwork("figure7", alt: "", caption: [One of #fact("a2");; all])',
        "#reported[It rises.] #design[It falls by design.]",
        "As @huang-22 has it <sec-4>.",
        '#import "../2.typ": *\nNothing.',
    ],
)
def test_bound_prose_passes(source: str) -> None:
    assert not complain(source)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("It has 40 connections.", "x.typ:1: the bare number 40 "),
        ("\n\nIt has 2,500.", "x.typ:3: the bare number 2,500 "),
        ('#claim("a rises")[By 12 of them.]', "the bare number 12 "),
        ('#emph("17 of them")', "the bare number 17 "),
        ("#text(size: 9pt)[x]", "the bare number 9 "),
        ('#figure(caption: [At 40.])[#n("x")]', "the bare number 40 "),
        ("forty per cent of it", "the bare amount 'per cent'"),
        ('#n("a") % of it', "the bare amount '%'"),
        ("a fourfold loss", "the bare amount 'fourfold'"),
        ("Throughput rises.", "nothing asserts 'rises'"),
        ("#reported[Theirs rises.] Ours is no worse.", "nothing asserts 'no worse'"),
        ('#claim("a rises")[It rises.] It falls.', "nothing asserts 'falls'"),
        ('It is #n("a"); then.', "Typst swallows this semicolon"),
    ],
)
def test_unbound_prose_is_refused_with_its_place(source: str, problem: str) -> None:
    found = complain(source)
    assert len(found) == 1
    assert problem in found[0]
