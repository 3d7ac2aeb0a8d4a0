# SPDX-License-Identifier: MIT
"""From the build manifest to what a run boots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge.manifest import MachineProducts, Manifest
from ground.paths import find_outputs
from testbed.machines.command_line import Boot

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Products:
    """What a run boots, and the digests that make it the same run again.

    ``symbols`` is the server's kernel with its symbol table.
    """

    server: Boot
    client: Boot
    symbols: Path
    digests: Mapping[str, str]


def find_products(manifest: Manifest) -> Products:
    """The build products that a run depends on, with their digests."""

    def boot(machine: MachineProducts) -> Boot:
        return Boot(
            qemu=manifest.qemu.path,
            firmware=manifest.firmware.path,
            kernel=machine.kernel.path,
            root=machine.root.path,
            profiler=manifest.instructions_plugin.path,
        )

    return Products(
        server=boot(manifest.server),
        client=boot(manifest.client),
        symbols=manifest.server.vmlinux.path,
        digests=manifest.digests(),
    )


def load_products() -> Products:
    """The products of this project's last build; UsageError that says how to build them."""
    return find_products(Manifest.load(find_outputs() / MANIFEST))
