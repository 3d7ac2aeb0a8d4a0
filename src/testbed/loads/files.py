# SPDX-License-Identifier: MIT
"""The files that web loads ask for, in the order of a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ground.seeds import generator

if TYPE_CHECKING:
    from testbed.experiment import Experiment

FileSize = Literal["100", "1k", "10k", "100k"]
SMALL_FILES = 64  # f0 .. f63 of 1 KiB each in the document root
SINGLE_FILES = {"100": "100b", "10k": "10k", "100k": "100k"}


def find_paths(experiment: Experiment) -> list[str]:
    """Paths of the files asked for, in the order of this seed."""
    size = experiment.load.file_size
    if size in SINGLE_FILES:
        return [f"/{SINGLE_FILES[size]}"]
    order = generator(experiment.seed, "files").permutation(SMALL_FILES)
    return [f"/f{number}" for number in order]
