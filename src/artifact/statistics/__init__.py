# SPDX-License-Identifier: MIT
"""Estimates with intervals, tests, and where a curve bends."""
