# SPDX-License-Identifier: MIT
"""Errors of the grader; what a student did wrong is no error but a mark."""

from __future__ import annotations

USAGE = 2
INFRASTRUCTURE = 4


class GraderError(Exception):
    """Grading cannot go on: what is wrong, what to do, and the exit code of the command."""

    def __init__(self, message: str, *, hint: str = "", code: int = INFRASTRUCTURE):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class RefusalError(Exception):
    """A submission cannot be taken as it is; the message is for the student."""
