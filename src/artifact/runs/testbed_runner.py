# SPDX-License-Identifier: MIT
"""The real runner: one pair of virtual machines per call, booted from the build products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import ground
import testbed
from artifact.runs.keys import SERVERS, digest_code
from artifact.runs.symbols import record_symbols
from forge.manifest import NAME, Manifest
from ground.files import canonical_json, digest_bytes
from ground.paths import find_outputs
from testbed.experiment import Experiment
from testbed.guest.servers import REPORTED, ServerDescription, find_servers, load_server
from testbed.machines.products import Products, load_products
from testbed.measurement import Measurement
from testbed.run import run_products


def digest_server(description: ServerDescription) -> str:
    """SHA-256 of how a server is run, without what is there for reports alone."""
    run = description.model_dump(mode="json", exclude=set(REPORTED))
    return digest_bytes(canonical_json(run))


def load_bench() -> TestbedRunner:
    """The runner for the build that ``out/manifest.json`` names.

    Raises UsageError if nothing was built.
    """
    manifest = Manifest.load(find_outputs() / NAME)
    notes = tuple(f"Built from other sources than locked: {line}" for line in manifest.differences)
    return TestbedRunner(load_products(), notes)


@dataclass(frozen=True)
class TestbedRunner:
    """Runs experiments on ``machines``, from the paths and digests of a build; ``notes`` say
    where that build departs from the locked sources."""

    machines: Products
    notes: tuple[str, ...] = ()

    @cached_property
    def products(self) -> Mapping[str, str]:
        """Digests of what is booted, of the servers' descriptions, of the testbed's own code and
        of the random source that it draws from."""
        code = {
            "testbed": digest_code(Path(str(testbed.__file__)).parent, "run"),
            "seeds": digest_code(Path(str(ground.__file__)).parent, "seeds"),
        }
        servers = {f"{SERVERS}{name}": digest_server(load_server(name)) for name in find_servers()}
        return {**self.machines.digests, **servers, **code}

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        """One measured run; captures, counter streams and profiles are dropped once they are
        evaluated."""
        measurement = run_products(experiment, self.machines, directory, keep_raw=False)
        if experiment.instruments.profile:
            record_symbols(directory, self.machines.symbols)
        return measurement
