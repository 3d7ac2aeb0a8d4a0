# SPDX-License-Identifier: MIT
"""The host's compiler: part of every binary's identity, so part of the key of what it builds."""

from __future__ import annotations

from functools import cache

from ground.errors import ArtifactError
from ground.process import ProcessError, run

GUEST_PACKAGES = ("gcc-12", "binutils", "libc6-dev-i386", "lib32gcc-12-dev")
EMULATOR_PACKAGES = ("gcc-12", "binutils", "libc6-dev", "libglib2.0-dev", "zlib1g-dev")


@cache
def describe_toolchain(packages: tuple[str, ...] = GUEST_PACKAGES) -> str:
    """Names and versions of the packages that turn C into machine code here."""
    try:
        listing = run(["dpkg-query", "-W", "-f", "${Package}=${Version} ", *packages]).stdout
    except ProcessError as error:
        raise ArtifactError(
            f"the compiler's packages are not all installed: {error.message.splitlines()[-1]}",
            hint="start builds with ./invoke, which installs images/packages/host.txt",
        ) from None
    return " ".join(sorted(listing.split()))
