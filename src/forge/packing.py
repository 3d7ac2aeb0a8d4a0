# SPDX-License-Identifier: MIT
"""Packer through python-packer, with the quirks of version 0.1.2 in this one place.

* ``build()`` passes ``-parallel=true``, which Packer 1.6.6 rejects: ``parallel=False``.
* ``validate()`` loses the reason of a failure (AttributeError): Packer is asked directly.
* ``inspect()`` raises TypeError unless ``mrf=False``.
* It starts Packer through ``sh``, so the environment and the log are given to that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import sh
from packer import Packer

from ground.errors import ArtifactError
from ground.process import clean_environment, run

# No calls home, no colours, and in the log what QEMU says.
ENVIRONMENT = {"CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1", "PACKER_LOG": "1"}


def validate_template(template: Path, variables: Mapping[str, str]) -> None:
    """ArtifactError with Packer's own words if the template is wrong."""
    words = [word for pair in format_variables(variables) for word in ("-var", pair)]
    result = run(["packer", "validate", *words, template], env=ENVIRONMENT, check=False)
    if result.returncode != 0:
        reason = (result.stdout + result.stderr).strip()
        raise ArtifactError(
            f"Packer rejects {template}: {reason}", hint="correct images/packer/*.json"
        )


def build_template(
    template: Path, variables: Mapping[str, str], *, scratch: Path, log: Path
) -> None:
    """Run the template's builder; its output goes to ``log``.  Raises ArtifactError."""
    validate_template(template, variables)
    client = Packer(str(template), vars=dict(variables))
    # Packer's plugins talk through sockets in TMPDIR, whose path must be short (108 bytes).
    with tempfile.TemporaryDirectory(prefix="packer-") as sockets, log.open("ab") as stream:
        environment = clean_environment(
            {**ENVIRONMENT, "PACKER_CACHE_DIR": str(scratch / "packer"), "TMPDIR": sockets}
        )
        client.packer = client.packer.bake(
            _env=environment, _cwd=str(scratch), _out=stream, _err=stream
        )
        try:
            client.build(parallel=False)
        except sh.ErrorReturnCode as error:
            status = error.exit_code
            raise ArtifactError(
                f"Packer's build of {template.name} ended with exit status {status}",
                hint=f"read {log}",
            ) from None


def format_variables(variables: Mapping[str, str]) -> list[str]:
    """The variables as Packer's ``-var`` wants them."""
    return [f"{name}={value}" for name, value in variables.items()]
