# SPDX-License-Identifier: MIT
"""Lab 8: fuzz and fix a parser."""
