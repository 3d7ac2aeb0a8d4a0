# SPDX-License-Identifier: MIT
"""The check of the testbed with netperf: which resource is full, what a bit and a frame cost."""

from __future__ import annotations

import polars as pl

from artifact.judge.results import Results, summarize
from artifact.report.illustration import Illustration
from artifact.study.designs import Design
from figures import resources

SHARES = {"server": "busy_share", "client": "client_busy", "wire": "wire_share"}
COSTS = ("cycles_per_bit", "cycles_per_frame", "stall_share", "device_accesses", "interrupts")


def list_bottleneck_illustrations(design: Design) -> list[Illustration]:
    """The one figure of a design whose load comes with a server of its own."""
    return [
        Illustration(
            f"{design.id}-resources",
            design.id,
            "Share in use of the server's processor, of the busiest client's and of the wire, the "
            "fuller direction. The resource that is full first is the bottleneck. The table has "
            "what a bit and a frame cost the server; a request is a transaction, or 64 KiB.",
            (*SHARES.values(), *COSTS),
            lambda r, p: resources.draw(_summarize_shares(r, design), p),
            lambda r: tabulate_costs(r, design),
        )
    ]


def _summarize_shares(results: Results, design: Design) -> dict[str, pl.DataFrame]:
    """Each resource's share in use, tests in the order of the design."""
    order = [variant.name for variant in design.variant]
    return {
        label: summarize(results, design.id, metric).sort(
            pl.col("variant").replace_strict(order, list(range(len(order)))), "level"
        )
        for label, metric in SHARES.items()
    }


def tabulate_costs(results: Results, design: Design) -> pl.DataFrame:
    """A row a metric, test, level: mean over seeds, interval."""
    return pl.concat(
        [
            summarize(results, design.id, metric).with_columns(metric=pl.lit(metric))
            for metric in (*SHARES.values(), "server_lead", *COSTS)
        ]
    )
