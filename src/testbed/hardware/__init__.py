# SPDX-License-Identifier: MIT
"""Geometry and platform: what describes the machine."""
