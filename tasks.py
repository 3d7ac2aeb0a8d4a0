# SPDX-License-Identifier: MIT
"""Entry points: `./invoke --list` shows them, `./invoke TASK --help` explains one."""

from __future__ import annotations
