# SPDX-License-Identifier: MIT
"""Errors with a remedy, and the exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; documented in the README."""

    HOLDS = 0
    DOES_NOT_HOLD = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INFRASTRUCTURE = 4  # also: interrupted, by Ctrl-C or SIGTERM


class ArtifactError(Exception):
    """An error that the user can act on: what is wrong, what to do, how the command ends.

    ``code`` is the exit code that the command ends with.
    """

    def __init__(self, message: str, *, hint: str = "", code: ExitCode = ExitCode.INFRASTRUCTURE):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return (_rebuild_error, (type(self), self.message, self.hint, self.code))


def _rebuild_error(
    kind: type[ArtifactError], message: str, hint: str, code: ExitCode
) -> ArtifactError:
    return kind(message, hint=hint, code=code)


class UsageError(ArtifactError):
    """The user's input (a flag, a file) is wrong; exit code 2."""

    def __init__(self, message: str, *, hint: str = "", code: ExitCode = ExitCode.USAGE):
        super().__init__(message, hint=hint, code=code)
