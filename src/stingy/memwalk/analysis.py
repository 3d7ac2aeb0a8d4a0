# SPDX-License-Identifier: MIT
"""What the passes found: from this the published result is put together."""

from __future__ import annotations

from dataclasses import dataclass

from stingy.flow.constructs import Constructs
from stingy.flow.objects import Objects
from stingy.flow.pointers import Pointers
from stingy.flow.stages import Stages
from stingy.lower.linking import Program
from stingy.memwalk.accesses import Accesses
from stingy.memwalk.depths import Depths
from stingy.memwalk.findings import Findings
from stingy.memwalk.lifetimes import Lifetimes
from stingy.memwalk.requests import Walk
from stingy.model.annotations import Annotations


@dataclass(slots=True)
class Analysis:
    """The result of each pass."""

    annotations: Annotations
    program: Program
    constructs: Constructs
    pointers: Pointers
    objects: Objects
    stages: Stages
    findings: Findings
    walk: Walk
    lifetimes: Lifetimes
    accesses: Accesses
    depths: Depths
