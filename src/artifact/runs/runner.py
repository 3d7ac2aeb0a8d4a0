# SPDX-License-Identifier: MIT
"""What performs one run: a small interface, so that the pipeline is tested without machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ground.errors import ArtifactError
from testbed.experiment import Experiment
from testbed.measurement import Measurement


class DiskFullError(ArtifactError):
    """No space for a result: the sweep stops, since each further run would fail alike."""


class Runner(Protocol):
    """One call = one measured run.  A runner is pickled to worker processes."""

    @property
    def products(self) -> Mapping[str, str]:
        """Digests of all that a run depends on beside its experiment; part of the run's key."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results must know of the products, such as other sources."""

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        """Perform ``experiment`` with ``directory`` (empty) for its files.

        Raises the faults of `testbed.faults`, or DiskFullError; a run that breaks a validity
        gate returns a Measurement with status ``invalid``.
        """
