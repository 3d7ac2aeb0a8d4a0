# SPDX-License-Identifier: MIT
"""The emulator's additions against independent models, on traces and in bare-metal guests."""
