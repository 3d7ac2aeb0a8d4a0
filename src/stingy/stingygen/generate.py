# SPDX-License-Identifier: MIT
"""From the memory map to the C of the allocator: one set of templates for kernel and user space."""

# DEVIATIONS.md: [query]

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ground.errors import UsageError
from ground.files import write_atomically
from stingy.stingygen.map import Map, Pool

TEMPLATES = Path(__file__).parents[1] / "templates"
RECIPROCAL_BITS = 31
# Names of the header that are no object, stage or pool.
RESERVED = {
    f"STINGY_{name}"
    for name in (
        *(
            "H",
            "ASAN",
            "RECYCLES",
            "ALIGNMENT",
            "UNLIMITED",
            "REQUESTS",
            "OBJECTS",
            "STAGES",
            "POOLS",
        ),
        *("REGION_BYTES", "LOW_BYTES", "CACHE_BYTES", "HIGH_BYTES", "STACK_BYTES"),
        "GLOBALS_BYTES",
    )
}


TRACE = "stingy_trace.h"


class Target(StrEnum):
    """Where the allocator runs."""

    USER = "user"
    KERNEL = "kernel"


class Backing(StrEnum):
    """Where the objects come from: the slabs of the map, or, to compare with, the kernel's own
    allocator of objects of one size.  It gives each type a cache, anywhere in memory; what the
    queries count is the same."""

    SLABS = "slabs"
    KMEM_CACHE = "kmem_cache"


BODIES = {Backing.SLABS: "stingy.c", Backing.KMEM_CACHE: "kmem_cache.c"}


def name_constants(plan: Map) -> dict[str, dict[str, str]]:
    """Unique C constants by kind ("object", "stage", "pool", "global") and name.

    Static variables of several files may have one name: globals are counted instead.
    """
    taken = set(RESERVED)
    kinds: dict[str, tuple[str, list[tuple[str, str]]]] = {
        "object": ("STINGY_", [(o.name, o.name) for o in plan.objects]),
        "stage": ("STINGY_STAGE_", [(s.name, s.name) for s in plan.stages]),
        "pool": ("STINGY_POOL_", [(p.name, p.name) for p in plan.pools]),
        "global": ("STINGY_GLOBAL_", [(str(n), g.name) for n, g in enumerate(plan.globals)]),
    }
    named: dict[str, dict[str, str]] = {}
    for kind, (prefix, names) in kinds.items():
        named[kind] = {}
        for key, name in names:
            constant = stem = prefix + re.sub(r"\W+", "_", name).strip("_").upper()
            number = 2
            while constant in taken:
                constant, number = f"{stem}_{number}", number + 1
            taken.add(constant)
            named[kind][key] = constant
    return named


def generate(plan: Map, target: Target, backing: Backing = Backing.SLABS) -> dict[str, str]:
    """File names and contents of the allocator.  With a red zone it is the debug variant.

    Raises UsageError if the region is too large, or for what is had in one of kernel and user
    space alone.
    """
    if backing is Backing.KMEM_CACHE and (target is not Target.KERNEL or plan.red_zone_bytes):
        raise UsageError(
            "kmem_cache is the kernel's, and has its own red zones",
            hint="give --target kernel, and no --debug",
        )
    if target is Target.KERNEL and (names := [o.name for o in plan.objects if o.open_ended]):
        raise UsageError(
            f"{names[0]} goes on in the system's memory, which the kernel's allocator does not do",
            hint=f"give --without {names[0]}, or a bound instead of slab_bytes and slab_live",
        )
    if plan.region_bytes >= 1 << 32:
        raise UsageError(
            f"the region takes {plan.region_bytes} bytes, 4 GiB or more",
            hint="give fewer --requests",
        )
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    context = make_context(plan, target) | {"slabs": backing is Backing.SLABS}
    templates = {"stingy.h": "stingy.h", "stingy.c": BODIES[backing]}
    if target is Target.KERNEL:
        templates[TRACE] = TRACE
    return {
        name: environment.get_template(f"{template}.j2").render(context)
        for name, template in templates.items()
    }


def write_allocator(files: dict[str, str], folder: Path) -> list[Path]:
    """Write the files below ``folder``."""
    paths = []
    for name, text in files.items():
        path = folder / name
        write_atomically(path, text.encode())
        paths.append(path)
    return paths


def make_context(plan: Map, target: Target) -> dict[str, Any]:
    """The variables of the templates."""
    constants = name_constants(plan)
    pool_of = {name: pool.name for pool in plan.pools for name in pool.objects}
    return {
        "kernel": target is Target.KERNEL,
        "debug": plan.red_zone_bytes > 0,
        "helpers": plan.helpers,
        "server": plan.server,
        "l2": plan.l2,
        "region_bytes": plan.region_bytes,
        "alignment_bytes": plan.alignment_bytes,
        "unit_bytes": plan.unit_bytes,
        "red_zone_bytes": plan.red_zone_bytes,
        "requests_in_cache": plan.requests_in_cache,
        "low": plan.slab("low"),
        "cache": plan.slab("cache"),
        "high": plan.slab("high"),
        "stack": plan.area("stack"),
        "globals_area": plan.area("globals"),
        "allocator": plan.area("allocator"),
        "high_allocator": plan.area("high allocator"),
        "objects": [
            {
                "name": o.name,
                "type": o.type.replace("*/", "* /"),
                "bytes": o.bytes,
                "constant": constants["object"][o.name],
                "pool": constants["pool"][pool_of[o.name]],
                "open_ended": o.open_ended,
            }
            for o in plan.objects
        ],
        "open_ended": any(o.open_ended for o in plan.objects),
        "stages": [
            {
                "constant": constants["stage"][s.name],
                "allocates": s.allocates,
                "need_now": _order_needs(s.now, plan.pools, constants["pool"]),
                "need_to_end": _order_needs(s.to_end, plan.pools, constants["pool"]),
            }
            for s in plan.stages
        ],
        "globals": [
            {
                "constant": constants["global"][str(number)],
                "offset": g.offset - plan.area("globals").offset,
                "bytes": g.bytes,
            }
            for number, g in enumerate(plan.globals)
        ],
        "pools": _describe_pools(plan, constants["pool"]),
        "total_slots": sum(p.slots for p in plan.pools),
        "total_high_slots": sum(p.high_slots for p in plan.pools),
    }


def _order_needs(
    needs: dict[str, int], pools: Iterable[Pool], constants: dict[str, str]
) -> list[tuple[str, int]]:
    return [(constants[p.name], needs[p.name]) for p in pools if p.name in needs]


def _describe_pools(plan: Map, constants: dict[str, str]) -> list[dict[str, Any]]:
    described = []
    first = high_first = 0
    for pool in plan.pools:
        units = pool.stride_bytes // plan.unit_bytes
        described.append(
            {
                "name": pool.name,
                "constant": constants[pool.name],
                "members": ", ".join(pool.objects) + (" (running stage)" * pool.transient),
                "offset": pool.offset,
                "slots": pool.slots,
                "first": first,
                "high_offset": pool.high_offset,
                "high_slots": pool.high_slots,
                "high_first": high_first,
                "object_bytes": pool.object_bytes,
                "units": units,
                "reciprocal": -(-(1 << RECIPROCAL_BITS) // units),
            }
        )
        first += pool.slots
        high_first += pool.high_slots
    return described
