# SPDX-License-Identifier: MIT
"""The project's checks of itself: lint and tests, fuzzing, disturbed sweeps, speed of emulation."""
