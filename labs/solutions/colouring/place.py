# SPDX-License-Identifier: MIT
"""Greedy: each object goes to the first free place where no set becomes crowded."""

PAGE_BYTES = 4096


def set_of(problem, offset):
    """The set of the line at an offset of the region."""
    page, rest = divmod(offset, PAGE_BYTES)
    address = problem.frames[page] * PAGE_BYTES + rest
    return address // problem.line_bytes % problem.sets


def hot_offsets(problem, kind):
    """Offsets of the hot lines in an object that begins with a line."""
    line = problem.line_bytes
    return sorted(
        {
            number * line
            for first, end in problem.kinds[kind].hot
            for number in range(first // line, (end - 1) // line + 1)
        }
    )


def find_crowded(problem):
    """The sets that hold more hot lines than they have ways, in ascending order."""
    lines = {
        start + offset
        for kind, start in zip(problem.objects, problem.starts, strict=True)
        for offset in hot_offsets(problem, kind)
    }
    counts = [0] * problem.sets
    for line in lines:
        counts[set_of(problem, line)] += 1
    return [index for index, count in enumerate(counts) if count > problem.ways]


def place(problem):
    """An offset in the region for each object, a multiple of the line size."""
    line = problem.line_bytes
    total = len(problem.frames) * PAGE_BYTES // line
    sets = [set_of(problem, number * line) for number in range(total)]
    counts = [0] * problem.sets
    taken = [False] * total
    tried = [0] * len(problem.kinds)  # up to there, nothing is left for this kind
    starts = []
    for kind in problem.objects:
        lines = -(-problem.kinds[kind].bytes // line)
        hot = [offset // line for offset in hot_offsets(problem, kind)]
        number = tried[kind]
        while any(taken[number : number + lines]) or any(
            counts[sets[number + offset]] >= problem.ways for offset in hot
        ):
            number += 1
        tried[kind] = number
        for offset in hot:
            counts[sets[number + offset]] += 1
        taken[number : number + lines] = [True] * lines
        starts.append(number * line)
    return starts
