# SPDX-License-Identifier: MIT
"""httperf: an open loop, connections at a rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from testbed.link.capture import Traffic
from testbed.link.pcap import Ints
from testbed.loads.files import find_paths
from testbed.loads.kind import Flow
from testbed.loads.open_loop import SYNTHETIC_CROWD, OpenLoop, share

if TYPE_CHECKING:
    from testbed.experiment import Experiment


class Httperf(OpenLoop):
    """httperf: an open loop of ``connections`` in all, ``rate`` new ones a second, each given up
    after ``timeout_s``; shared by ``processes`` processes."""

    kind: Literal["httperf"] = "httperf"

    examples: ClassVar = ("httperf --rate 2000 --num-conns 10000 --timeout 5",)

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """The processes of one client."""
        paths = find_paths(experiment)
        own, total = self.list_own(experiment, number)
        calls = (
            self.call(
                number,
                index,
                paths[index % len(paths)],
                rate=self.rate / total,
                count=share(self.connections, index, total),
                client=f" --client={index}/{total}",
            )
            for index in own
        )
        return [*calls, "wait"]

    def list_events(self, traffic: Traffic, completions: Ints) -> Ints:
        """Arrivals: a server that is overloaded goes on replying when no more is offered."""
        return traffic.connections.opened

    def rehearse(self, capacity: Callable[[float], float], fails: float) -> Flow:
        """A short queue if the rate can be borne, else one that grows beyond all bounds."""
        least = capacity(SYNTHETIC_CROWD)
        if self.rate < least:
            queue = SYNTHETIC_CROWD * self.rate / (least - self.rate) / 10
            connections = min(SYNTHETIC_CROWD + queue, fails)
            return Flow(SYNTHETIC_CROWD, self.connections, self.rate, self.rate, connections)
        crowd = 2 * fails
        rate = min(capacity(crowd), float(self.rate))
        return Flow(crowd, self.connections, rate, self.rate, crowd)
