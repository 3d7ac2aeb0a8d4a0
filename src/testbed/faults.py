# SPDX-License-Identifier: MIT
"""How a run can fail: the subject, the infrastructure, or the measurement."""

from __future__ import annotations

from ground.errors import ArtifactError


class SubjectFailed(ArtifactError):  # noqa: N818 - it names what failed
    """The server under test failed: an oops, a panic, a server that does not start, wrong bytes.

    A result of its own kind; repeating the run gives it again.  The message names the console.
    """


class InfrastructureFailed(ArtifactError):  # noqa: N818 - it names what failed
    """Our side failed: QEMU died, a machine hangs, the disk is full.

    Never a result; the run may be repeated.  The message names the console.
    """


class MeasurementInvalid(ArtifactError):  # noqa: N818 - it names what failed
    """The run ended, but there is nothing that could be measured (no load report, no window)."""
