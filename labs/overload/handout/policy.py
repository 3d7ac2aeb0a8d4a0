# SPDX-License-Identifier: MIT
"""Your policy: see main.py for what it gets, README.md for what is wanted."""


class Policy:
    """As the server is now: it takes in whatever the card has, before all else."""

    def __init__(self, costs):
        self.costs = costs

    def decide(self, view):
        """How many packets of the ring to take in, how many to refuse, how many of the oldest
        requests of the queue to drop without a word."""
        return view.ring, 0, 0
