# SPDX-License-Identifier: MIT
"""Validity gates: no run counts before they have passed."""
