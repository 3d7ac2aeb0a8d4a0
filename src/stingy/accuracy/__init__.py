# SPDX-License-Identifier: MIT
"""How exact memwalk is, against what a reader of the sources wrote down."""
