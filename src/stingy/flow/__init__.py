# SPDX-License-Identifier: MIT
"""Facts about the whole program: constructs, pointers, objects, stages."""
