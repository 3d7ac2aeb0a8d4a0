# SPDX-License-Identifier: MIT
"""Reference solutions and their mutants; no hand-out and no pack contains this folder."""
