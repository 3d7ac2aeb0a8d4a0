# SPDX-License-Identifier: MIT
"""The hidden tests: the student's own four reports."""

from __future__ import annotations

from labs.evaluation.judging import REPORTS, make_cases

CASES = [case for name in REPORTS for case in make_cases(name, 16, 6, hidden=True)]
