# SPDX-License-Identifier: MIT
"""What the paper could not show: where the misses of each server come from."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from artifact.judge.origins import summarize_origins
from artifact.judge.results import Results
from artifact.report.illustration import Illustration, find_highest_level
from artifact.report.tables.figure1 import SERVER
from artifact.study.designs import Design
from figures import origins
from figures.style import Provenance

SOURCE = "From runs of their own, in which memory is marked; means over seeds."


def list_origin_illustrations(design: Design) -> list[Illustration]:
    """All servers beside each other, then each by concurrency."""
    return [make_servers(design), *(make_origins(design, server) for server in design.servers)]


def make_servers(design: Design) -> Illustration:
    """Misses by origin at the highest concurrency that all have, a bar a server."""
    return Illustration(
        f"{design.id}-servers",
        design.id,
        "L2 misses per request by what the missed memory serves for, at the highest concurrency at "
        f"which every server has valid runs. Numbers are sums. {SOURCE}",
        ("l2_own",),
        lambda r, p: origins.draw_servers(
            tabulate_servers(r, design), find_highest_level(r.origins, design.id), p
        ),
        lambda r: tabulate_servers(r, design),
    )


def tabulate_servers(results: Results, design: Design) -> pl.DataFrame:
    """Rows (`figures.origins.SERVER_COLUMNS`) of those servers that have runs."""
    highest = find_highest_level(results.origins, design.id)
    frames = [
        summarize_origins(results.origins, design.id, "misses", server)
        .filter(level=highest)
        .select(pl.lit(server).alias("server"), "name", "value")
        for server in design.servers
    ]
    return pl.concat(frames)


def make_origins(design: Design, server: str) -> Illustration:
    """Misses by origin, live objects and their bytes, of one server."""

    def draw(results: Results, provenance: Provenance) -> Figure:
        misses, live, kib = (
            summarize_origins(results.origins, design.id, quantity, server)
            for quantity in ("misses", "live", "kib")
        )
        return origins.draw(server, misses, live, kib, provenance)

    return Illustration(
        f"{design.id}-origins" + ("" if server == SERVER else f"-{server}"),
        design.id,
        f"{server}. Above: L2 misses per request by what the missed memory serves for. Below: how "
        f"many objects of requests are alive, and their size. {SOURCE}",
        ("l2_own",),
        draw,
        lambda results: results.origins.filter(design=design.id, server=server).drop("design"),
    )
