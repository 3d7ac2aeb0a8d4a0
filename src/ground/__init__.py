# SPDX-License-Identifier: MIT
"""The ground: one subprocess door, one random source, atomic files, errors with a remedy."""
