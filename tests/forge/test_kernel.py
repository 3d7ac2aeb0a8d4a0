# SPDX-License-Identifier: MIT
"""Kernel configuration and the boot image's payload."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from forge.kernel import KernelRecipe, check_config, extract_payload
from ground.errors import ArtifactError


def test_a_lost_option_is_named() -> None:
    wanted = "# comment\nCONFIG_A=y\nCONFIG_B=n\nCONFIG_C=y\n"
    check_config(wanted, "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\n")
    with pytest.raises(ArtifactError, match="CONFIG_C=y became n"):
        check_config(wanted, "CONFIG_A=y\n")
    with pytest.raises(ArtifactError, match="CONFIG_B=n became y"):
        check_config(wanted, "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n")


def test_a_later_fragment_wins() -> None:
    check_config("CONFIG_A=y\nCONFIG_A=n\n", "# CONFIG_A is not set\n")


@pytest.mark.parametrize("machine", ["server", "client"])
@pytest.mark.parametrize("flavour", ["", "debug", "races"])
def test_only_a_kernel_that_looks_for_races_is_left_out_of_it(machine: str, flavour: str) -> None:
    recipe = KernelRecipe(machine, Path("package"), "digest", flavour)
    assert recipe.options == (("KCSAN_SANITIZE=n",) if flavour == "races" else ())
    assert ("options" in recipe.stage().inputs) == (flavour == "races")


@pytest.mark.parametrize("setup_sectors", [1, 27])
def test_payload_of_a_boot_image(setup_sectors: int) -> None:
    payload = b"\x7fELF" + bytes(range(256)) * 40
    stream = gzip.compress(payload, mtime=0)[:-4] + struct.pack("<I", len(payload))
    image = bytearray((setup_sectors + 1) * 512 + 100) + stream + b"\0" * 64
    image[0x1F1] = setup_sectors
    image[0x248:0x250] = struct.pack("<II", 100, len(stream))
    assert extract_payload(bytes(image)) == payload
