# SPDX-License-Identifier: MIT
"""Gates on where connections stand: that the ledger adds up, and that they are in memory.

An experiment about the data of live requests says nothing if the requests are not there: a card
with large buffers can hold thousands of connections of which the server does not know.
"""

from __future__ import annotations

from typing import Final

from testbed.experiment import Experiment
from testbed.guest.servers import ServerDescription
from testbed.loads.ab import find_saturation
from testbed.measurement import Ledger, Window
from testbed.records import SERVER_BUSY, Gate, make_gate

# A sample may fall into a poll of the driver, which takes at most so many frames off the ring
# before it hands the last of them to TCP (NAPI_POLL_WEIGHT).
POLL_FRAMES: Final = 64
# The ring of the paper's card, full, at the concurrency of the paper's headline: no more of the
# connections than that can be kept from a kernel that takes frames in as they come.
OUTSIDE_SHARE: Final = 256 / 2500


def check_ledger(
    experiment: Experiment,
    server: ServerDescription,
    window: Window | None,
    ledger: Ledger | None,
) -> tuple[Gate, ...]:
    """The gates that apply; none to a load without a ledger, or to one that may lose connections:
    those that were lost are open on the wire, and nowhere else.

    The second is for a closed loop that saturates the server, on a platform that takes frames in
    at once: where it leaves them to ksoftirqd, it is the platform that keeps them in the card.
    So it is where a backlog of the platform's is shorter than the loop, and turns them away.
    By Little's law the connections that are on their way are no more than those that it takes
    to fill the server's time.
    """
    if window is None or ledger is None or experiment.load.may_lose:
        return ()
    gates = [
        make_gate(
            "ledger-sum",
            ledger.largest_gap,
            "<=",
            POLL_FRAMES * experiment.machines.clients,
            "largest distance between the ledger's sum and the connections open on the wire",
            "a part is missing or counted twice: hold the ledger's columns in series.parquet "
            "against the capture",
        )
    ]
    connections = experiment.load.turnover
    taken_at_once = experiment.platform.softirq.entry == "at-once"
    if connections and taken_at_once and window.busy_share >= SERVER_BUSY:
        kept = ledger.in_memory + (ledger.parts["held"] if server.holds_back else 0)
        if experiment.platform.backlogs.shortest < connections:
            kept += ledger.parts["turned_away"]
        on_the_way = find_saturation(experiment, window) / connections
        gates.append(
            make_gate(
                "in-memory",
                1 - kept / connections,
                "<=",
                min(1.0, OUTSIDE_SHARE + on_the_way),
                f"share of the {connections} connections that the server does not hold",
                "they wait in the card or as SYNs, so this is no experiment about live requests: "
                "let the kernel take frames in as they come",
            )
        )
    return tuple(gates)
