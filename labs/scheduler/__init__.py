# SPDX-License-Identifier: MIT
"""Lab 5: a scheduler for an event loop."""
