# SPDX-License-Identifier: MIT
"""Talks with the simulated server: a line with the costs, then a line for each 5 milliseconds."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Processor time in microseconds, of which 5 milliseconds have 5000."""

    receive_us: int  # to take a packet from the card's ring into the queue
    refuse_us: int  # to take a packet from the ring and refuse it
    serve_us: int  # to serve a request of the queue
    timeout_ms: int  # a client waits so long for its reply; then it asks again, or gives up


@dataclass(frozen=True)
class View:
    """What the server knows; it decides every 5 milliseconds."""

    now_ms: int
    ring: int  # packets in the card's ring (it holds 1024; what comes then is lost)
    queue: int  # requests in the queue, which are served first in, first out
    oldest_ms: int  # how long ago the first of the queue was received
    served: int  # requests served since the last decision


def main():
    import policy

    chosen = policy.Policy(Costs(*map(int, sys.stdin.readline().split())))
    for line in sys.stdin:
        take, refuse, drop = chosen.decide(View(*map(int, line.split())))
        print(take, refuse, drop, flush=True)


if __name__ == "__main__":
    main()
