# SPDX-License-Identifier: MIT
"""The speed of emulation, mode by mode."""
