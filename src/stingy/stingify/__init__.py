# SPDX-License-Identifier: MIT
"""A server's allocations and releases become Stingy calls."""
