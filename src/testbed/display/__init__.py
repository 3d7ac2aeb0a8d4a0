# SPDX-License-Identifier: MIT
"""Measurements on the terminal: tables, flame graph, consoles."""
