# SPDX-License-Identifier: MIT
from __future__ import annotations

import ctypes

import pytest

from tests.qemu.bare_metal import Emulator, find_emulator
from tests.qemu.cache_library import build_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The C model, compiled for this session."""
    return build_library(tmp_path_factory.mktemp("hierarchy"))


@pytest.fixture(scope="session")
def emulator() -> Emulator:
    """The emulator under test."""
    found = find_emulator()
    if found is None:
        pytest.skip("no emulator: run ./invoke build first")
    return found
