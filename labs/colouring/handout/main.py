# SPDX-License-Identifier: MIT
"""Reads a problem (JSON) from stdin, asks your place.py, prints its answer as JSON.

python3 main.py crowded < problems/crowded-1.json
python3 main.py place < problems/pages.json
"""

import json
import sys
from dataclasses import dataclass

PAGE_BYTES = 4096


@dataclass
class Kind:
    """A type of object.  Of its ``bytes`` only the ``hot`` ranges are touched by a request:
    pairs of the first byte and the one behind the last."""

    bytes: int
    hot: list[list[int]]


@dataclass
class Problem:
    """A cache, a region of memory, and objects.

    The region is contiguous to the program: offsets 0 to len(frames) * PAGE_BYTES - 1.  Page n
    of it lies in the physical page frame ``frames[n]``.  ``objects`` has an index into ``kinds``
    for each object, in the order in which requests touch them.  ``starts`` (only for
    find_crowded) is where each object lies.
    """

    line_bytes: int
    sets: int
    ways: int
    frames: list[int]
    kinds: list[Kind]
    objects: list[int]
    starts: list[int]


def main():
    data = json.load(sys.stdin)
    data["kinds"] = [Kind(**kind) for kind in data["kinds"]]
    problem = Problem(**data)
    import place

    answer = place.find_crowded if sys.argv[1] == "crowded" else place.place
    json.dump(list(answer(problem)), sys.stdout)


if __name__ == "__main__":
    main()
