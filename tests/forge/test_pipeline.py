# SPDX-License-Identifier: MIT
"""A build cache that compilers and makefiles cannot take is refused before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge.pipeline import Pipeline
from ground.errors import UsageError
from tests.names import ODD_NAMES, ODDEST_NAME

HARMLESS = {"Ümlaut", "-dash", "x" * 200}


@pytest.mark.parametrize("name", [*ODD_NAMES, ODDEST_NAME, "tab\there"])
def test_a_cache_of_an_unfit_name_is_refused_with_a_remedy(name: str, tmp_path: Path) -> None:
    if name in HARMLESS:
        Pipeline(cache=tmp_path / name)
        return
    with pytest.raises(UsageError, match="nothing can be built in") as caught:
        Pipeline(cache=tmp_path / name)
    assert "ARTIFACT_CACHE" in caught.value.hint
