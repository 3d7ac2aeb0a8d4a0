# SPDX-License-Identifier: MIT
"""Gates on where connections stand: that the ledger adds up, and that they are in memory.

An experiment about the data of live requests says nothing if the requests are not there: a card
with large buffers can hold thousands of connections of which the server does not know.
"""

from __future__ import annotations

from typing import Final

from testbed.experiment import Ab, Experiment
from testbed.gates import SERVER_BUSY, find_saturation, make_gate
from testbed.measurement import Gate, Ledger, Window
from testbed.servers import ServerDescription

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
    """The gates that apply; none to a load without a ledger.

    The second is for a closed loop that saturates the server.  By Little's law the connections
    that its round trips keep on their way are no more than those that fill the server's time.
    """
    if window is None or ledger is None:
        return ()
    gates = [
        make_gate(
            "ledger-sum",
            ledger.largest_gap,
            "<=",
            POLL_FRAMES * experiment.machines.clients,
            "largest distance between the ledger's sum and the connections open on the wire",
            "a part is missing or counted twice: hold the ledger's columns in series.parquet "
            "against the capture; frames dropped by the card do this too",
        )
    ]
    load = experiment.load
    if isinstance(load, Ab) and window.busy_share >= SERVER_BUSY:
        kept = ledger.in_memory + (ledger.parts["held"] if server.holds_back else 0)
        on_the_way = min(1.0, find_saturation(experiment, window) / load.concurrency)
        gates.append(
            make_gate(
                "in-memory",
                1 - kept / load.concurrency,
                "<=",
                min(1.0, OUTSIDE_SHARE + on_the_way),
                f"share of the {load.concurrency} connections that the server does not hold",
                "they wait in the card or as SYNs, so this is no experiment about live requests: "
                "let the kernel take frames in as they come",
            )
        )
    return tuple(gates)
