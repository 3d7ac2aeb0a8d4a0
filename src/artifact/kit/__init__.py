# SPDX-License-Identifier: MIT
"""Pages that are made from claims, committed reference results and what runs cost."""
