# SPDX-License-Identifier: MIT
"""The variants of TUX that a guest can load: module and parameters, as images/servers says."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from checks.suite import check_variant
from forge.modules import MODULES
from forge.pipeline import Pipeline
from ground import process
from testbed.guest.servers import load_server

STOCK = "stock"
PLACE = "/usr/lib/tux"
# What a rewritten module lays its map over: more than any of the maps takes, at a way of the L2.
RESERVED = "reserve_mem=32M:1M:stingy"


@dataclass(frozen=True)
class Variant:
    """A module below /usr/lib/tux, and what it is loaded with."""

    name: str
    module: str = STOCK
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where the module lies on the server."""
        return f"{PLACE}/{self.module}/tux.ko"

    @property
    def is_rewritten(self) -> bool:
        """Whether it was compiled from what stingify wrote."""
        return self.module != STOCK

    @property
    def arguments(self) -> str:
        """What the kernel's command line must have for it."""
        return RESERVED if self.is_rewritten else ""

    @property
    def load_line(self) -> str:
        """The shell line that loads it."""
        words = (f"{name}={value}" for name, value in self.parameters.items())
        return shlex.join(["insmod", self.path, *words])

    def adding(self, parameters: Mapping[str, str]) -> Variant:
        """The same with further ``parameters``, which go before those that it has."""
        return replace(self, parameters={**self.parameters, **parameters})


def find_variant(name: str) -> Variant:
    """The variant ``name``; UsageError names those that there are."""
    check_variant(name)
    line = load_server(name).load
    # The shell alone knows what ${NAME:-DEFAULT} means; of these names none is set here.
    words = process.run(["sh", "-c", f'printf "%s\\n" {line}']).stdout.splitlines()
    program, path, *parameters = words
    found = Variant(name, Path(path).parent.name, parse_parameters(parameters))
    assert (program, path) == ("insmod", found.path), line
    return found


def parse_parameters(words: list[str]) -> dict[str, str]:
    """A module's parameters by name."""
    return dict(word.split("=", 1) for word in words)


def find_session_variant() -> Variant:
    """What `./invoke tux.check` asks for: `TUX_VARIANT=tux-stingy` names the variant,
    `TUX_PARAMETERS="policy=cohort"` changes it."""
    variant = find_variant(os.environ.get("TUX_VARIANT", "tux"))
    return variant.adding(parse_parameters(os.environ.get("TUX_PARAMETERS", "").split()))


def find_module(pipeline: Pipeline, variant: Variant, flavour: str = "") -> Path:
    """The module of ``variant`` for the server's kernel of ``flavour``; built if need be."""
    if variant.is_rewritten:
        return pipeline.variants(flavour) / f"{variant.module}.ko"
    stock = next(module for module in MODULES if module.variant == STOCK)
    return pipeline.module(stock, flavour) / stock.file
