# SPDX-License-Identifier: MIT
"""Your answer: see main.py for what a problem contains, README.md for what is asked."""

PAGE_BYTES = 4096


def find_crowded(problem):
    """The sets that hold more hot lines than they have ways, in ascending order."""
    return []


def place(problem):
    """An offset in the region for each object, a multiple of the line size."""
    starts = []
    end = 0
    for kind in problem.objects:
        starts.append(end)
        lines = -(-problem.kinds[kind].bytes // problem.line_bytes)
        end += lines * problem.line_bytes
    return starts
