# SPDX-License-Identifier: MIT
"""An experiment file (experiments/*.toml): which factors are varied, at which values, per tier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from ground.complaints import Complaint, FieldPath
from ground.documents import MisfitError, Strict, fit_json, parse_document, refuse
from ground.errors import UsageError
from ground.paths import PROJECT
from testbed.experiment import Experiment
from testbed.guest.servers import find_servers
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads import KINDS
from testbed.loads.kind import LoadKind

FOLDER = PROJECT / "experiments"
FACTORS = ("design", "server", "variant", "level")
IDENTITY = (*FACTORS, "seed")  # of a run in its tier

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Tier(StrEnum):
    """How much is run: every stage once, the default, or everything."""

    KICK = "kick"
    QUICK = "quick"
    FULL = "full"


def check_load(name: str) -> str:
    """``name`` if it is that of a kind of load that has levels; else an error as of a choice."""
    known = [kind for kind, model in KINDS.items() if model.level_name]
    if name not in known:
        raise PydanticCustomError(
            "literal_error", "not one of {expected}", {"expected": ", ".join(known)}
        )
    return name


class Criterion(StrEnum):
    """What a rate must let a server do to count as borne."""

    SUSTAINS = "sustains"
    RECOVERS = "recovers"


class PeakSearch(Strict):
    """A search for the highest offered rate (requests/s) that a server bears, in every seed:
    between ``lowest`` and ``highest``, to a relative ``accuracy``.

    ``bears`` says what that is: it sustains the rate, or recovers from a spike on top of it.
    """

    lowest: Annotated[int, Field(ge=1)]
    highest: Annotated[int, Field(ge=2)]
    accuracy: Annotated[float, Field(gt=0, le=0.2)]
    bears: Criterion = Criterion.SUSTAINS

    @model_validator(mode="after")
    def check_range(self) -> Self:
        """There is something between."""
        if self.lowest >= self.highest:
            raise ValueError(f"search: lowest = {self.lowest} must be below {self.highest}")
        return self


class Scope(Strict):
    """What one tier runs: a full cross of servers, variants, levels and ``seeds`` seeds.

    Seeds count from ``first_seed``: a design by which something is chosen has others than those
    which judge.  ``levels`` are concurrencies (of httperf: offered rates), ascending; ``seeds_at``
    gives fewer seeds to levels that are shown but not judged.  Empty ``variants`` means all of
    them.  ``search`` adds runs at rates that the search chooses, for all servers and seeds, in the
    first variant.
    """

    servers: Annotated[tuple[Name, ...], Field(min_length=1)]
    levels: Annotated[tuple[int, ...], Field(min_length=1)]
    seeds: Annotated[int, Field(ge=1, le=1000)]
    first_seed: Annotated[int, Field(ge=1, le=1000)] = 1
    seeds_at: dict[int, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    variants: tuple[str, ...] = ()
    search: PeakSearch | None = None

    def list_seeds(self, level: int) -> range:
        """The seeds that are run at ``level``."""
        return range(self.first_seed, self.first_seed + self.seeds_at.get(level, self.seeds))

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        """Each level once, ascending, so that trends and figures need no sorting."""
        if list(self.levels) != sorted(set(self.levels)) or self.levels[0] < 1:
            raise ValueError(f"levels = {list(self.levels)} must be positive, ascending, distinct")
        for level, seeds in self.seeds_at.items():
            if level not in self.levels or seeds > self.seeds:
                raise ValueError(
                    f"seeds_at: {level} = {seeds} must name one of the levels and at most "
                    f"{self.seeds} seeds"
                )
        return self


class Variant(Strict):
    """A named departure from the base: dotted paths into the experiment and their values, or
    another machine or platform, by the name of its file.

    ``at`` places the variant on the axes of a figure: axis -> value there.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    why: str = ""
    geometry: str = ""
    platform: str = ""
    set: dict[str, JsonValue] = Field(default_factory=dict)
    at: dict[str, float] = Field(default_factory=dict)


class Design(Strict):
    """One experiment file.

    ``load`` is what drives the server: ApacheBench at the concurrencies that are the levels,
    httperf at the offered rates that are the levels, for ``seconds`` each, or a pointer chase,
    which measures the machine itself and has one level, 1.  ``requests`` maps
    the highest concurrency of a range to the number of requests of a run there: a run needs
    several requests per connection for a steady window, and no more.  ``longer`` multiplies it for
    servers that need more than others.  ``base`` holds dotted
    paths that all runs share, ``order_seed`` shuffles the runs.  With ``reference`` the figures
    show each server over that one, paired by seed.
    """

    id: Name
    title: str
    question: str
    geometry: str
    platform: str = DEFAULT_PLATFORM
    load: Annotated[str, AfterValidator(check_load)] = "ab"
    seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    reference: str = ""
    requests: dict[int, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    longer: dict[str, Annotated[float, Field(gt=1)]] = Field(default_factory=dict)
    base: dict[str, JsonValue] = Field(default_factory=dict)
    order_seed: Annotated[int, Field(ge=0)] = 2006
    variant: tuple[Variant, ...] = (Variant(name="base"),)
    tier: dict[Tier, Scope]

    @model_validator(mode="after")
    def check_references(self) -> Self:
        """Every variant and every level that a tier names has a definition."""
        names = [variant.name for variant in self.variant]
        if len(names) != len(set(names)):
            raise ValueError(f"variants must have distinct names, not {names}")
        for server in self.longer:
            if server not in self.servers:
                raise ValueError(f"longer.{server}: no tier has this server")
        for tier, scope in self.tier.items():
            if unknown := set(scope.variants) - set(names):
                raise ValueError(f"tier {tier}: no variant named {sorted(unknown)[0]!r}")
            if (scope.search or self.kind.open_loop) and not self.seconds:
                raise ValueError(f"tier {tier}: offered rates need seconds = how long they last")
            if scope.search and scope.first_seed != 1:
                raise ValueError(f"tier {tier}: a search for the peak begins with first_seed = 1")
            if scope.search and not self.kind.open_loop:
                raise ValueError(
                    f"tier {tier}: a search for the peak needs an open loop: load = 'httperf'"
                )
            asked = scope.search.bears if scope.search else Criterion.SUSTAINS
            if asked is Criterion.RECOVERS and not self.kind.may_lose:
                raise ValueError(f"tier {tier}: bears = 'recovers' needs load = 'spike'")
            if wrong := self.kind.complain_of_levels(scope.levels, self.requests):
                raise ValueError(f"tier {tier}: {wrong}")
        return self

    @property
    def kind(self) -> type[LoadKind]:
        """The kind of load."""
        return KINDS[self.load]

    @property
    def geometries(self) -> list[str]:
        """Names of the geometry files of all variants, in the file's order."""
        return list(dict.fromkeys(v.geometry or self.geometry for v in self.variant))

    @property
    def platforms(self) -> list[str]:
        """Names of the platform files of all variants, in the file's order."""
        return list(dict.fromkeys(v.platform or self.platform for v in self.variant))

    @property
    def servers(self) -> list[str]:
        """Names of the servers of all tiers, in the file's order."""
        return list(dict.fromkeys(s for scope in self.tier.values() for s in scope.servers))

    def find_requests(self, level: int, server: str) -> int:
        """The number of requests of a run at ``level``; 0 if the load is not one of requests."""
        bounds = [bound for bound in self.requests if bound >= level]
        usual = self.requests[min(bounds)] if bounds else 0
        return round(usual * self.longer.get(server, 1))

    def find_variants(self, scope: Scope) -> list[Variant]:
        """The variants that ``scope`` runs, in the file's order."""
        return [v for v in self.variant if not scope.variants or v.name in scope.variants]

    def finalize_experiment(
        self, server: str, variant: Variant, level: int, seed: int
    ) -> Experiment:
        """The experiment at one point of the design.

        Raises UsageError when a dotted path or a value does not fit the experiment.
        """
        machine = load_geometry(variant.geometry or self.geometry)
        plain = {
            "server": server,
            "load": self.kind.describe_level(
                level, self.seconds, self.find_requests(level, server)
            ),
            "geometry": machine.geometry.model_dump(mode="json"),
            "core": machine.core.model_dump(mode="json"),
            "platform": load_platform(variant.platform or self.platform).platform.model_dump(
                mode="json"
            ),
            "seed": seed,
        }
        document, file = self.model_dump(mode="json"), FOLDER / f"{self.id}.toml"
        settings = self._list_settings(variant)
        try:
            tree = fit_json(Experiment, plain).model_dump(mode="json")
            for field, value in settings.items():
                if complaint := _set_leaf(tree, field, value):
                    raise refuse(file, complaint, document)
            return fit_json(Experiment, tree)
        except MisfitError as misfit:
            complaint = _trace(misfit.complaint, settings, variant.name, level)
            raise refuse(file, complaint, document) from None

    def _list_settings(self, variant: Variant) -> dict[FieldPath, JsonValue]:
        """What is set beyond the levels, by its field in the file, in order."""
        number = [v.name for v in self.variant].index(variant.name)
        shared: dict[FieldPath, JsonValue] = {("base", path): v for path, v in self.base.items()}
        return shared | {("variant", number, "set", path): v for path, v in variant.set.items()}


def _set_leaf(tree: dict[str, JsonValue], field: FieldPath, value: JsonValue) -> Complaint | None:
    """Set the dotted path at the end of ``field``; what is wrong if there is no such field."""
    *trail, leaf = str(field[-1]).split(".")
    node = tree
    for part in trail:
        below = node.get(part)
        if not isinstance(below, dict):
            break
        node = below
    else:
        if leaf in node:
            node[leaf] = value
            return None
    return Complaint(field, "there is no such field to set", f"known there are {', '.join(node)}")


def _trace(found: Complaint, settings: Iterable[FieldPath], variant: str, level: int) -> Complaint:
    """``found``, about a field of an experiment, as one about what has set it: the last of
    ``settings``, or the levels and servers of the tiers."""
    for field in reversed(list(settings)):
        path = tuple(str(field[-1]).split("."))
        if found.field[: len(path)] == path[: len(found.field)]:
            return replace(found, field=(*field, *found.field[len(path) :]))
    problem = f"with variant {variant} at level {level}: {found.problem}"
    return replace(found, problem=problem)


def load_design(name: str, folder: Path = FOLDER) -> Design:
    """The experiment file ``name`` of this project.  Raises UsageError if it is absent or wrong."""
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise UsageError(
            f"no experiment {name!r}", hint=f"choose one of {', '.join(find_designs(folder))}"
        )
    design = parse_design(path.read_text(), path)
    check_design(design, path)
    return design


def check_design(design: Design, path: Path) -> None:
    """Raise UsageError if ``design``, read from ``path``, names what this project does not have, or
    makes an experiment that cannot be."""
    if design.id != path.stem:
        raise UsageError(
            f"{path}: id: {design.id!r} is not the file's name", hint=f'write id = "{path.stem}"'
        )
    for field, name, load in _list_files(design):
        try:
            load(name)
        except UsageError as error:
            raise UsageError(f"{path}: {field}: {error.message}", hint=error.hint) from None
    known = find_servers()
    for field, name in _list_servers(design):
        if name not in known:
            raise UsageError(
                f"{path}: {field}: no server {name!r}", hint=f"choose one of {', '.join(known)}"
            )
    for scope in design.tier.values():
        for variant in design.find_variants(scope):
            for level in scope.levels:
                design.finalize_experiment(scope.servers[0], variant, level, 1)


def _list_files(design: Design) -> list[tuple[str, str, Callable[[str], object]]]:
    """Each field of ``design`` that names a geometry or a platform, the name, and what loads it."""
    named: list[tuple[str, str, Callable[[str], object]]] = [
        ("geometry", design.geometry, load_geometry),
        ("platform", design.platform, load_platform),
    ]
    for i, variant in enumerate(design.variant):
        own: list[tuple[str, str, Callable[[str], object]]] = [
            (f"variant.{i}.geometry", variant.geometry, load_geometry),
            (f"variant.{i}.platform", variant.platform, load_platform),
        ]
        named += [entry for entry in own if entry[1]]
    return named


def _list_servers(design: Design) -> list[tuple[str, str]]:
    """Each field of ``design`` that names a server, and the name; none where the kind of load
    brings its own."""
    if design.kind.program or design.kind.partner:
        return []
    named = [
        (f"tier.{tier}.servers.{i}", name)
        for tier, scope in design.tier.items()
        for i, name in enumerate(scope.servers)
    ]
    return [*named, ("reference", design.reference)] if design.reference else named


def parse_design(text: str, path: Path) -> Design:
    """Check the text of an experiment file; errors as `load_design`."""
    return parse_document(Design, text, path)


def find_designs(folder: Path = FOLDER) -> list[str]:
    """Names of the experiments of this project (the claims are none)."""
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem != "claims")
