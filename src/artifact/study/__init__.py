# SPDX-License-Identifier: MIT
"""Designs, claims and metrics: what is asked, and what would answer it."""
