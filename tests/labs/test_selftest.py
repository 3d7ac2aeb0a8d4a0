# SPDX-License-Identifier: MIT
"""`./invoke labs.selftest`, lab by lab."""

from __future__ import annotations

import pytest

from labs.catalogue import Entry, list_entries
from labs.selftest import check_lab


@pytest.mark.slow
@pytest.mark.parametrize("entry", list_entries(), ids=lambda entry: entry.name)
def test_the_grader_of_a_lab_gives_what_it_should(entry: Entry) -> None:
    assert check_lab(entry) == []
