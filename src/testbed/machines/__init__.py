# SPDX-License-Identifier: MIT
"""How machines are started and watched."""
