# SPDX-License-Identifier: MIT
"""The account that Stingy's allocator keeps of its objects: /proc/net/tux/slab, after the load."""

from __future__ import annotations

from ground.errors import ArtifactError
from testbed.measurement import PooledObject
from testbed.outputs.emissions import Emissions

ACCOUNT = "/proc/net/tux/slab"
FRAME = "slab"
HEADING = "object live peak allocs frees spills failures oversize"
NEXT = "pool "


class SlabError(ArtifactError):
    """The allocator's account is not in its known form."""


def write_slab_account() -> list[str]:
    """Shell lines that hand the account over, if the server has one."""
    return [f"if [ -r {ACCOUNT} ]; then emit {FRAME} < {ACCOUNT}; fi"]


def read_slab_account(emitted: Emissions) -> tuple[PooledObject, ...]:
    """The account by type of object; empty if the server has none."""
    return parse_slab_account(emitted.text(FRAME)) if FRAME in emitted else ()


def parse_slab_account(text: str) -> tuple[PooledObject, ...]:
    """The table of objects in the text of /proc/net/tux/slab; SlabError if there is none."""
    lines = text.splitlines()
    if HEADING not in lines:
        raise SlabError(f"{ACCOUNT} has no line {HEADING!r}", hint="do kernel and testbed match?")
    names = HEADING.split()[1:]
    found = []
    for line in lines[lines.index(HEADING) + 1 :]:
        if line.startswith(NEXT):
            break
        name, *values = line.split()
        if len(values) != len(names) or not all(value.isdigit() for value in values):
            raise SlabError(f"{ACCOUNT}: {line!r} has not the columns {HEADING!r}")
        found.append(
            PooledObject.model_validate({"name": name} | dict(zip(names, values, strict=True)))
        )
    return tuple(found)
