# SPDX-License-Identifier: MIT
"""Reference digests: the same inputs must give the same bytes on the user's machine."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from artifact.design import FOLDER
from artifact.documents import Strict, parse_document
from artifact.plan import Plan, PlannedRun
from artifact.store import Store
from ground.files import digest_bytes, write_atomically
from ground.voice import ExitCode, UsageError

PATH = FOLDER / "reference.toml"


class ReferenceRun(Strict):
    """One run whose result is known: its name, its experiment's digest, its result's digest."""

    label: str
    experiment: str
    result: str


class Reference(Strict):
    """Committed digests, and the digests of the build products that gave them."""

    products: dict[str, str]
    run: tuple[ReferenceRun, ...]


class Match(StrEnum):
    """How a result compares with its reference."""

    SAME = "same"
    DIFFERENT = "different"
    OTHER_SOURCES = "other sources"
    CHANGED = "experiment changed"
    ABSENT = "no reference"


def digest_experiment(run: PlannedRun) -> str:
    """Identity of a run's experiment, host limits left out."""
    return digest_bytes(run.experiment.model_dump_json(exclude={"limits"}).encode())


def load_reference(path: Path = PATH) -> Reference:
    """The committed digests.  Raises UsageError if there are none or they cannot be read."""
    if not path.is_file():
        raise UsageError(
            f"no reference digests at {path}", hint="record them with ./invoke verify --write"
        )
    return parse_document(Reference, path.read_text(), path)


def write_reference(plan: Plan, store: Store, path: Path = PATH) -> int:
    """Record the stored results of ``plan`` as the reference; return their number."""
    lines = [
        # REUSE-IgnoreStart: the licence of the file that is written
        "# SPDX-License-Identifier: MIT",
        # REUSE-IgnoreEnd
        "# Written by ./invoke verify --write: what each run gives, byte for byte, on any host.",
        "",
        "[products]",
        *(f'"{name}" = "{digest}"' for name, digest in sorted(plan.products.items())),
    ]
    count = 0
    for run in plan.runs:
        entry = store.load(run.key)
        if entry is not None:
            count += 1
            lines += [
                "",
                "[[run]]",
                f'label = "{run.label}"',
                f'experiment = "{digest_experiment(run)}"',
                f'result = "{entry.digest}"',
            ]
    write_atomically(path, "\n".join(lines).encode() + b"\n")
    return count


def compare(plan: Plan, store: Store, reference: Reference) -> dict[str, Match]:
    """How each stored run of ``plan`` compares, by label.

    A different result is an error only if it was made from the same build products.
    """
    known = {run.label: run for run in reference.run}
    found: dict[str, Match] = {}
    for run in plan.runs:
        entry = store.load(run.key)
        if entry is not None:
            same_sources = plan.products == reference.products
            found[run.label] = _compare_run(run, entry.digest, known.get(run.label), same_sources)
    return found


def _compare_run(
    run: PlannedRun, digest: str, known: ReferenceRun | None, same_sources: bool
) -> Match:
    if known is None:
        return Match.ABSENT
    if known.experiment != digest_experiment(run):
        return Match.CHANGED
    if known.result == digest:
        return Match.SAME
    return Match.DIFFERENT if same_sources else Match.OTHER_SOURCES


def list_differing_products(plan: Plan, reference: Reference) -> list[str]:
    """Names of the build products that differ from those of the reference."""
    names = set(plan.products) | set(reference.products)
    return sorted(n for n in names if plan.products.get(n) != reference.products.get(n))


def find_exit_code(found: Mapping[str, Match]) -> ExitCode:
    """0 if everything is the same, 1 if the same inputs gave other bytes, else 3."""
    matches = set(found.values())
    if Match.DIFFERENT in matches:
        return ExitCode.DOES_NOT_HOLD
    return ExitCode.HOLDS if matches == {Match.SAME} else ExitCode.INCONCLUSIVE
