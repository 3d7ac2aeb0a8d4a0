# SPDX-License-Identifier: MIT
"""Experiment files and the claims about them, read together and held against each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from artifact.study.claims import AnyClaim, load_claims
from artifact.study.coverage import cover_scope
from artifact.study.designs import FOLDER, Design, Tier, find_designs, load_design
from ground.errors import UsageError

CLAIMS = "claims.toml"


@dataclass(frozen=True)
class Study:
    """Designs, and all claims about them."""

    designs: tuple[Design, ...]
    claims: tuple[AnyClaim, ...]


def load_study(names: Sequence[str] = (), folder: Path = FOLDER) -> Study:
    """The designs ``names``, or all in ``folder``, with the claims about them.

    Raises UsageError if a file is absent or wrong, or if a claim names what its design does not
    have: that is told before a sweep of hours, not after it.
    """
    designs = {name: load_design(name, folder) for name in names or find_designs(folder)}
    path = folder / CLAIMS
    claims = load_claims(path)
    known = find_designs(folder)
    for claim in claims:
        if claim.design not in known:
            raise _refuse(path, claim, "design", f"no experiment {claim.design!r}", known)
    about = tuple(claim for claim in claims if claim.design in designs)
    for claim in about:
        check_claim(claim, designs[claim.design], path)
    return Study(tuple(designs.values()), about)


def check_claim(claim: AnyClaim, design: Design, path: Path) -> None:
    """Raise UsageError if ``claim``, read from ``path``, names what no tier of ``design`` has, or
    if none of the tiers in which it wants a verdict plans enough for one.

    Where only some of these tiers plan too little, the claim is not judged in those.
    """
    scopes = design.tier.values()
    variants = dict.fromkeys(v.name for scope in scopes for v in design.find_variants(scope))
    levels = sorted({level for scope in scopes for level in scope.levels})
    names = claim.list_names()
    servers = [(f"servers.{i}", name) for i, name in enumerate(claim.servers)]
    for what, named, known in (
        ("tier", [(f"seeds.{tier}", tier.value) for tier in claim.seeds], list(design.tier)),
        ("server", [*servers, *names.servers], design.servers),
        ("variant", names.variants, list(variants)),
        ("level", [(field, level) for field, level in names.levels if level], levels),
    ):
        for field, name in named:
            if name not in known:
                raise _refuse(path, claim, field, f"{design.id} has no {what} {name!r}", known)
    for field, level in names.levels:
        if level is None:
            raise _refuse(path, claim, field, "it is missing", levels)
    for server in claim.servers:
        gaps = [_find_gap(claim, server, design, tier) for tier in claim.seeds]
        if all(gaps):
            raise UsageError(
                f"{path}: claim {claim.id}: seeds: no tier can judge it: {'; '.join(gaps)}",
                hint=f"plan more in {path.parent / design.id}.toml, or ask for less there",
            )


def _refuse(
    path: Path, claim: AnyClaim, field: str, wrong: str, known: Iterable[object]
) -> UsageError:
    choices = ", ".join(str(name) for name in known)
    return UsageError(
        f"{path}: claim {claim.id}: {field}: {wrong}",
        hint=f"choose one of {choices}" if choices else "choose another experiment",
    )


def _find_gap(claim: AnyClaim, server: str, design: Design, tier: Tier) -> str:
    """Why ``tier`` cannot judge ``claim`` for ``server``; empty if it can."""
    try:
        claim.list_points(server, cover_scope(design, design.tier[tier]), claim.seeds[tier])
    except ValueError as gap:
        return f"in the {tier} tier {gap}"
    return ""
