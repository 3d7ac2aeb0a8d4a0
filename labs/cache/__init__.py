# SPDX-License-Identifier: MIT
"""Lab 2: a cache simulator."""
