# SPDX-License-Identifier: MIT
"""From stored runs to verdicts: evidence, comparisons, reference."""
