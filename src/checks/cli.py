# SPDX-License-Identifier: MIT
"""What `./invoke results.disturb` does: flags as the user gave them in, an exit code out."""

from __future__ import annotations

import shutil

from artifact.cli import choose_folders
from checks.disturbances import Toll, disturb_sweeps
from checks.disturbed import REAL, SYNTHETIC
from ground.errors import ExitCode
from ground.terminal import console


def run_disturb(times: int, seed: int, *, real: bool) -> ExitCode:
    """`./invoke results.disturb`: kill, fill and damage at random points, compare results.

    Complete trials are kept until all are done, so that a command that was stopped goes on.
    """
    sweep = REAL if real else SYNTHETIC
    folder = choose_folders(rehearse=not real).root / "disturbances" / f"{sweep.name}-{seed}"
    toll = None
    for toll in disturb_sweeps(sweep, folder, times=times, seed=seed):
        console.print(f"{toll.trials}/{times} {_describe_hits(toll)}")
    assert toll is not None
    console.print(f"{toll.trials} sweeps disturbed, {toll.resumes} times resumed")
    for difference in toll.differences:
        console.print(f"[red]differs[/] {difference}", soft_wrap=True)
    if toll.differences:
        console.print(f"what was found is in {folder}")
        return ExitCode.DOES_NOT_HOLD
    shutil.rmtree(folder)
    console.print("every one ended with the results of the undisturbed sweep")
    return ExitCode.HOLDS


def _describe_hits(toll: Toll) -> str:
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(toll.hits.items()))
