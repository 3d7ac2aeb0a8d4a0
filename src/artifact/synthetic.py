# SPDX-License-Identifier: MIT
"""A runner without machines: measurements with known effects, to rehearse the whole pipeline.

Its products are named ``synthetic``, so that its keys never meet those of the testbed, and the
report says on every page and figure what it is.  Results are a pure function of the experiment.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ground.files import canonical_json, digest_bytes
from ground.seeds import generator
from testbed.chase import (
    conclude_chase,
    find_plateau_cycles,
    find_working_sets,
)
from testbed.experiment import Ab, Chase, Experiment
from testbed.measurement import (
    Artefact,
    Attribution,
    Gate,
    LoadLatency,
    LoadReport,
    Losses,
    Measurement,
    Misses,
    Mode,
    ObjectCount,
    Percentiles,
    Window,
    Zone,
)

SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Effect:
    """How a synthetic server degrades: cycles of a request = ``cycles`` + misses x 125.

    Beyond ``fits`` connections ``spilled`` data misses a request are approached; instruction
    misses fall from ``cold`` as requests come in larger cohorts.
    """

    cycles: float = 90_000
    fits: float = 40
    spilled: float = 320
    cold: float = 400


USUAL = {"tux": Effect(cycles=50_000)}  # of servers that no effect is given for


@dataclass(frozen=True)
class SyntheticRunner:
    """Measurements that follow ``effects`` (by server) with ``noise`` relative deviation.

    ``fails_beyond`` is the concurrency above which connections are lost, ``delay_s`` the host
    time a run takes.
    """

    effects: Mapping[str, Effect] = field(default_factory=dict)
    noise: float = 0.01
    fails_beyond: int = 4000
    delay_s: float = 0.0

    @property
    def products(self) -> Mapping[str, str]:
        """Not those of any machine."""
        parameters = {name: vars(effect) for name, effect in sorted(self.effects.items())}
        text = f"{parameters} {self.noise} {self.fails_beyond}"
        return {SYNTHETIC: digest_bytes(text.encode())}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report says on top."""
        return ("Synthetic data: a rehearsal of the pipeline without machines; no results.",)

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        """The synthetic measurement of ``experiment``, with a console and a series."""
        time.sleep(self.delay_s)
        if isinstance(experiment.load, Chase):
            return self._chase(experiment, directory)
        if not isinstance(experiment.load, Ab):
            raise NotImplementedError("the synthetic runner knows only ab and the pointer chase")
        window = self._make_window(experiment, experiment.load)
        lines = f"synthetic {experiment.server} c={experiment.load.concurrency}\n"
        (directory / "console.txt").write_text(lines)
        (directory / "series.txt").write_bytes(canonical_json(window.model_dump(mode="json")))
        lost = experiment.load.concurrency > self.fails_beyond
        return Measurement(
            experiment=experiment,
            products=dict(self.products),
            status="invalid" if lost else "valid",
            gates=(_make_gate(lost),),
            zone=_find_zone(lost, window),
            window=window,
            attribution=_make_attribution(window) if experiment.instruments.regions else None,
            server_losses=Losses.none(),
            client_losses=(Losses.none(),),
            client_busy_share=(0.4,),
            load_report=LoadReport(
                tool="ab",
                processes=1,
                completed=experiment.load.requests,
                wrong=0,
                errors=0,
                body_bytes=experiment.load.requests * 1024,
                requests_per_s=window.requests_per_s,
            ),
            virtual_s=experiment.load.requests / window.requests_per_s,
            series="series.txt",
            artefacts=tuple(_describe(directory / n) for n in ("console.txt", "series.txt")),
        )

    def _chase(self, experiment: Experiment, directory: Path) -> Measurement:
        """A pointer chase that sees just what the geometry says."""
        geometry, plateaus = experiment.geometry, find_plateau_cycles(experiment.core)
        latencies = []
        for size in find_working_sets(geometry):
            level = "memory" if size > geometry.l2.size else "l2"
            level = "l1d" if size <= geometry.l1d.size else level
            latencies.append(
                LoadLatency(working_set_bytes=size, cycles=float(plateaus[level]), stretches=1)
            )
        table = canonical_json([latency.model_dump() for latency in latencies])
        (directory / "series.txt").write_bytes(table)
        return conclude_chase(
            experiment,
            self.products,
            tuple(latencies),
            virtual_s=0.1,
            series="series.txt",
            artefacts=(_describe(directory / "series.txt"),),
        )

    def _make_window(self, experiment: Experiment, load: Ab) -> Window:
        effect = self.effects.get(experiment.server, USUAL.get(experiment.server, Effect()))
        # Marking memory changes no result of a synthetic server.
        asked = experiment.model_dump_json(exclude={"limits": True, "instruments": {"regions"}})
        identity = digest_bytes(asked.encode())
        random = generator(experiment.seed, f"synthetic {identity}")
        concurrency = float(load.concurrency)
        data, fetch = (
            value * float(np.exp(random.normal(0, self.noise)))
            for value in (
                20 + effect.spilled * concurrency / (concurrency + effect.fits * 8),
                5 + effect.cold / min(concurrency, 40.0),
            )
        )
        core = experiment.core
        stall = (data + fetch) * float(core.l2.load)
        cycles = effect.cycles * float(core.base_cpi) + stall
        capacity = core.clock_mhz * 1e6 / cycles
        rate = min(capacity, concurrency * 3000.0)
        return Window(
            start_ns=100_000_000,
            end_ns=100_000_000 + int(load.requests / rate * 1e9),
            requests=load.requests,
            requests_per_s=rate,
            bytes_per_s=rate * 1300,
            open_connections=concurrency * 0.99,
            cycles_per_request=cycles,
            instructions_per_request=Mode(user=effect.cycles * 0.2, kernel=effect.cycles * 0.8),
            misses_per_request=_make_misses(data, fetch),
            writebacks_per_request=data / 3,
            dma_lines_per_request=12,
            stall_share=stall / cycles,
            busy_share=rate / capacity,
            idle_share=1 - rate / capacity,
            link_transmit=0.1,
            link_receive=0.05,
            retransmissions=0,
            syn_retransmissions=0,
            request_latency_us=_make_latency(concurrency / rate * 1e6),
            connection_latency_us=_make_latency(concurrency / rate * 1.2e6),
        )


def _make_misses(data: float, fetch: float) -> Misses:
    nothing = Mode(user=0, kernel=0)
    return Misses(
        l1i=Mode(user=fetch, kernel=fetch * 5),
        l1d_load=Mode(user=data, kernel=data * 4),
        l1d_store=Mode(user=data / 2, kernel=data),
        l2_fetch=Mode(user=fetch * 0.2, kernel=fetch * 0.8),
        l2_load=Mode(user=data * 0.1, kernel=data * 0.6),
        l2_store=Mode(user=data * 0.1, kernel=data * 0.2),
        itlb=nothing,
        dtlb=nothing,
    )


def _make_attribution(window: Window) -> Attribution:
    """Half of the misses on TUX's requests, a third on TCP's, the rest elsewhere."""
    total = window.misses_per_request.l2_total
    live = window.open_connections / 2
    return Attribution(
        start_ns=window.start_ns,
        end_ns=window.end_ns,
        requests=window.requests,
        misses_per_request={
            "code": window.misses_per_request.l2_fetch.total,
            "slab:TCP": total / 3,
            "tux-request": total / 2,
            "unmarked": total / 6,
        },
        pages={"slab:TCP": 100, "unmarked": 1000},
        objects=(
            ObjectCount(name="header", live=live / 2, bytes=live / 2 * 3000, peak=round(live)),
            ObjectCount(name="request", live=live, bytes=live * 1000, peak=round(live)),
        ),
    )


def _make_latency(mean_us: float) -> Percentiles:
    return Percentiles(
        p50=mean_us * 0.9,
        p90=mean_us * 1.4,
        p99=mean_us * 2,
        maximum=mean_us * 3,
        mean=mean_us,
        count=1000,
    )


def _make_gate(lost: bool) -> Gate:
    return Gate(
        name="retransmissions",
        value=900.0 if lost else 0.0,
        relation="<=",
        bound=10.0,
        passed=not lost,
        reason="900 segments were retransmitted, at most 10 may be" if lost else "",
        remedy="lower the concurrency" if lost else "",
    )


def _find_zone(lost: bool, window: Window) -> Zone:
    if lost:
        return Zone.FAILURE
    return Zone.PLASTIC if window.busy_share > 0.98 else Zone.ELASTIC


def _describe(path: Path) -> Artefact:
    data = path.read_bytes()
    return Artefact(name=path.name, sha256=digest_bytes(data), bytes=len(data))
