# SPDX-License-Identifier: MIT
"""The paper: numbers by name, prose that is held against them, a PDF."""
