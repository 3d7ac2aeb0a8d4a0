# SPDX-License-Identifier: MIT
"""From a run directory to a Measurement: a pure function of the files that the machines left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import ValidationError

from ground.files import digest_file
from testbed.experiment import Experiment
from testbed.faults import InfrastructureFailed, MeasurementInvalid, SubjectFailed
from testbed.gates.ledger import check_ledger
from testbed.gates.run import Observations, check, find_zone
from testbed.guest.ledger import add_ledger, build_ledger, measure_ledger
from testbed.guest.network import (
    LinkStatistics,
    find_suspect_lines,
    measure_busy_share,
    measure_losses,
)
from testbed.guest.regions import attribute
from testbed.guest.servers import find_server
from testbed.guest.slab import read_slab_account
from testbed.link.capture import analyse, label
from testbed.link.lives import trace_lives
from testbed.link.pcap import Frames, Ints, join_frames, read_frames
from testbed.link.recovery import Recovery
from testbed.loads.reports import ReportError, add_reports
from testbed.machines.command_line import find_mac
from testbed.measurement import Artefact, Ledger, Measurement, Window
from testbed.outputs.counters import read_counters, tabulate
from testbed.outputs.emissions import Emissions, read_emissions
from testbed.records import LoadReport
from testbed.window import Span, build_series, find_span, measure_window

SERIES = "series.parquet"


def evaluate(experiment: Experiment, directory: Path, products: Mapping[str, str]) -> Measurement:
    """Judge and measure the finished run in ``directory``.

    Raises SubjectFailed if bytes came wrong over the wire, InfrastructureFailed if a file of the
    run is missing or cut off, MeasurementInvalid if no load generator reported.
    """
    clients = [f"client{number}" for number in range(1, experiment.machines.clients + 1)]
    emissions = {
        name: read_emissions(directory / name / "frames.bin") for name in ("server", *clients)
    }
    _compare_content(emissions, directory)
    frames = _read_wire(experiment, directory)
    labelled = label(frames)
    traffic = analyse(labelled)
    completions = experiment.load.count_completions(traffic)
    counters = read_counters(directory / "server" / "counters.jsonl")
    series = build_series(tabulate(counters), traffic, completions, frames)
    ledger = build_ledger(counters, trace_lives(labelled, _read_dropped(experiment, directory)))
    write_series(add_ledger(series, ledger), directory / SERIES)
    span = find_span(experiment, traffic, completions)
    window = measure_window(experiment, span, series, traffic) if span else None
    attribution = None
    if window and experiment.instruments.regions:
        attribution = attribute(counters, emissions["server"], completions, window)
    found = _Found(
        span,
        window,
        measure_ledger(ledger, window) if window else None,
        _count_samples(series, window),
        len(traffic.syn_retransmitted),
        experiment.load.measure_recovery(traffic),
    )
    observed = _observe(experiment, directory, emissions, found)
    server = find_server(experiment)
    gates = (*check(observed), *check_ledger(experiment, server, window, found.ledger))
    return Measurement(
        experiment=experiment,
        products=dict(products),
        status="valid" if window and all(gate.passed for gate in gates) else "invalid",
        gates=gates,
        zone=find_zone(gates, window),
        window=window,
        attribution=attribution,
        ledger=found.ledger,
        pooled=read_slab_account(emissions["server"]),
        server_losses=observed.server,
        client_losses=observed.clients,
        client_busy_share=observed.client_busy,
        load_report=observed.report,
        recovery=found.recovery,
        virtual_s=max(0, counters[-1].link_ns) / 1e9,
        series=SERIES,
        artefacts=digest_artefacts(directory),
    )


def _compare_content(emissions: Mapping[str, Emissions], directory: Path) -> None:
    """The digest of what each client fetched must be that of what the server holds."""
    if "content" not in emissions["server"]:
        return
    held = emissions["server"].text("content").split()[0]
    for name, emitted in emissions.items():
        if emitted.text("content").split()[0] != held:
            raise SubjectFailed(
                f"{name} received other bytes than the server holds",
                hint=f"read {directory / 'server' / 'console.txt'}",
            )


def _read_wire(experiment: Experiment, directory: Path) -> Frames:
    return join_frames(
        [
            read_frames(
                directory / "server" / f"link{number}.pcap",
                bytes.fromhex(find_mac(number, 0).replace(":", "")),
                experiment.load.ports,
                link=number - 1,
            )
            for number in range(1, experiment.machines.clients + 1)
        ]
    )


@dataclass(frozen=True)
class _Found:
    span: Span | None
    window: Window | None
    ledger: Ledger | None
    window_samples: int
    syn_retransmissions: int
    recovery: Recovery | None


def _count_samples(series: pl.DataFrame, window: Window | None) -> int:
    if window is None:
        return 0
    ends = series["link_ns"]
    return int(((ends > window.start_ns) & (ends <= window.end_ns)).sum())


def _observe(
    experiment: Experiment, directory: Path, emissions: Mapping[str, Emissions], found: _Found
) -> Observations:
    clients = [name for name in emissions if name != "server"]
    links = range(1, len(clients) + 1)
    return Observations(
        experiment=experiment,
        window=found.window,
        window_samples=found.window_samples,
        span=found.span,
        server=measure_losses(
            emissions["server"],
            "before",
            "after",
            [_read_link(directory / "server" / f"link{n}.json") for n in links],
        ),
        clients=tuple(
            measure_losses(
                emissions[name],
                "before",
                "after",
                [_read_link(directory / name / f"link{n}.json")],
            )
            for n, name in enumerate(clients, 1)
        ),
        client_busy=tuple(
            measure_busy_share(emissions[name], "before", "after") for name in clients
        ),
        report=read_reports(experiment, [emissions[name] for name in clients]),
        suspect_lines=find_suspects(directory, emissions),
        syn_retransmissions=found.syn_retransmissions,
        recovery=found.recovery,
    )


def read_reports(experiment: Experiment, clients: list[Emissions]) -> LoadReport:
    """The sum of all load generators' reports; MeasurementInvalid if one gave up."""
    load = experiment.load
    try:
        reports = []
        for emitted in clients:
            for name in emitted.names("report."):
                reports.append(load.parse_report(emitted.text(name)))
        return add_reports(reports)
    except ReportError as error:
        raise MeasurementInvalid(error.message, hint=error.hint) from None


def _read_dropped(experiment: Experiment, directory: Path) -> list[Ints]:
    """By link, the places of the received frames for which the server's card had no room."""
    found = []
    for number in range(1, experiment.machines.clients + 1):
        places = [np.empty(0, dtype=np.int64)]
        for first, count in _read_link(directory / "server" / f"link{number}.json").dropped:
            places.append(np.arange(first, first + count, dtype=np.int64))
        found.append(np.concatenate(places))
    return found


def _read_link(path: Path) -> LinkStatistics:
    try:
        return LinkStatistics.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InfrastructureFailed(
            f"{path}: no link statistics ({error})", hint="was the disk full?"
        ) from None


def find_suspects(directory: Path, emissions: Mapping[str, Emissions]) -> tuple[str, ...]:
    lines: list[str] = []
    for name, emitted in emissions.items():
        console = (directory / name / "console.txt").read_text(errors="replace")
        for line in find_suspect_lines(console + emitted.text("dmesg")):
            if f"{name}: {line}" not in lines:
                lines.append(f"{name}: {line}")
    return tuple(lines)


def write_series(series: pl.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}")
    series.write_parquet(temporary, compression="zstd", statistics=False)
    temporary.replace(path)


def digest_artefacts(directory: Path) -> tuple[Artefact, ...]:
    """Digests of all that must be the same bytes in a repeat: what guests and wire said."""
    patterns = ("*/console.txt", "*/frames.bin", "*/counters.jsonl", "*/link*.pcap")
    paths = sorted(path for pattern in patterns for path in directory.glob(pattern))
    return tuple(
        Artefact(
            name=path.relative_to(directory).as_posix(),
            sha256=digest_file(path),
            bytes=path.stat().st_size,
        )
        for path in paths
    )
