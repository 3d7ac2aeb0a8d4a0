# SPDX-License-Identifier: MIT
"""Take in what can be served within a fraction of the clients' patience; refuse the rest."""

PATIENCE = 1 / 4  # of a client's timeout: the longest queue that is built up


class Policy:
    """A bound on the queue, and an early refusal for what is beyond."""

    def __init__(self, costs):
        self.costs = costs
        each = costs.serve_us + costs.receive_us
        self.limit = int(costs.timeout_ms * 1000 * PATIENCE / each)

    def decide(self, view):
        """Fill the queue up to its bound, throw away what is too old, refuse what is left."""
        room = max(0, self.limit - view.queue)
        take = min(view.ring, room)
        drop = view.queue if view.oldest_ms > 2 * PATIENCE * self.costs.timeout_ms else 0
        return take, view.ring - take, drop
