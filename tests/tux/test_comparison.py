# SPDX-License-Identifier: MIT
"""Each answer beside those of nginx and Apache on the same files; see cases.py."""

from __future__ import annotations

import functools

import pytest

from tests.tux.cases import ALL, Case
from tests.tux.conversation import Outcome, converse
from tests.tux.servers import Served


@functools.cache
def ask_oracle(served: Served, case: Case) -> Outcome:
    """The outcome of a case at one of the packaged servers."""
    return converse(served, case.request, case.method)


def find_agreement(oracles: dict[str, Served], case: Case) -> dict[str, object]:
    """The aspects in which both packaged servers answer alike."""
    first, second = (ask_oracle(served, case).aspects() for served in oracles.values())
    return {name: first[name] for name in first if name in second and first[name] == second[name]}


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in ALL}) == len(ALL)


@pytest.mark.parametrize("case", [case for case in ALL if not case.ruling], ids=str)
def test_the_oracles_agree_on_the_status(case: Case, oracles: dict[str, Served]) -> None:
    """A case without a ruling rests on the oracles: they must be of one mind."""
    assert "status" in find_agreement(oracles, case), {
        name: ask_oracle(served, case) for name, served in oracles.items()
    }


@pytest.mark.parametrize("case", ALL, ids=str)
def test_as_the_oracles_or_the_standard(
    case: Case, tux: Served, oracles: dict[str, Served]
) -> None:
    outcome = converse(tux, case.request, case.method)
    if case.ruling:
        assert outcome.status in case.ruling, case.why
        expected = find_agreement(oracles, case)
        if expected.get("status") != outcome.status:
            return
    else:
        expected = find_agreement(oracles, case)
    aspects = outcome.aspects()
    different = {
        name: (aspects.get(name), value)
        for name, value in expected.items()
        if aspects.get(name) != value
    }
    assert not different, "(here, at nginx and Apache)"
