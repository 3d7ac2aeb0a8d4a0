# SPDX-License-Identifier: MIT
"""A runner without machines: measurements with known effects, to rehearse the whole pipeline.

Its products are named ``synthetic``, so that its keys never meet those of the testbed, and the
report says on every page and figure what it is.  Results are a pure function of the experiment.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from artifact.runs.symbols import NAME as SYMBOLS_FILE
from artifact.runs.symbols import write_symbols
from ground.files import canonical_json, digest_bytes
from ground.seeds import generator
from testbed.alone import conclude_alone
from testbed.experiment import Experiment
from testbed.guest.ledger import PARTS
from testbed.loads.chase import find_plateau_cycles, find_working_sets
from testbed.loads.kind import Flow
from testbed.measurement import (
    Artefact,
    Attribution,
    ByMode,
    EventRates,
    Ledger,
    Losses,
    Measurement,
    Misses,
    ObjectCount,
    Percentiles,
    PooledObject,
    Window,
    Zone,
)
from testbed.records import Gate, LoadLatency, LoadReport

SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Effect:
    """How a synthetic server degrades: cycles of a request = ``cycles`` + misses x 125.

    Beyond ``fits`` connections ``spilled`` data misses a request are approached, which fall again
    beyond ``peaks`` connections; instruction misses fall from ``cold`` as requests come in larger
    cohorts.  Above ``fails`` connections some are lost.  An allocator with ``slots`` keeps at most
    that many requests alive; without, there is none that would count them.
    """

    cycles: float = 90_000
    fits: float = 40
    spilled: float = 320
    peaks: float = 4000
    cold: float = 400
    fails: int = 4000
    slots: int = 0


STINGY = Effect(cycles=41_000, spilled=12, cold=200, fails=9000, slots=600)
# Of servers that no effect is given for.  With these, and little noise, every claim holds, except
# that no peak of misses is seen beyond the place where runs begin to be invalid.
USUAL = {
    "tux": Effect(cycles=50_000, fails=4500),
    "tux-stingy": STINGY,
    "tux-stingy-net": replace(STINGY, cycles=40_000, spilled=10),
    "tux-mutant-page": STINGY,
    "tux-mutant-colours": replace(STINGY, spilled=40),
    "tux-mutant-size": replace(STINGY, spilled=40, slots=1600),
    "tux-mutant-always": replace(STINGY, spilled=40, slots=1 << 20),
    "tux-mutant-never": replace(STINGY, spilled=40, cold=500),
}


@dataclass(frozen=True)
class SyntheticRunner:
    """Measurements that follow ``effects`` (by server; else USUAL, else the default) with
    ``noise`` relative deviation; a run takes ``delay_s`` of the host's time."""

    effects: Mapping[str, Effect] = field(default_factory=dict)
    noise: float = 0.01
    delay_s: float = 0.0

    @property
    def products(self) -> Mapping[str, str]:
        """Not those of any machine."""
        effects = USUAL | dict(self.effects)
        parameters = {name: vars(effect) for name, effect in sorted(effects.items())}
        text = f"{parameters} {vars(Effect())} {self.noise}"
        return {SYNTHETIC: digest_bytes(text.encode())}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report says on top."""
        return ("Synthetic data: a rehearsal of the pipeline without machines; no results.",)

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        """The synthetic measurement of ``experiment``, with a console and a series."""
        time.sleep(self.delay_s)
        load, effect = experiment.load, self._find_effect(experiment)
        if load.program:
            return self._chase(experiment, directory)
        flow = load.rehearse(lambda c: self._find_state(experiment, c).capacity, effect.fails)
        window = _describe_window(self._find_state(experiment, flow.crowd), flow)
        asked = flow.requests
        lines = f"synthetic {experiment.server} {load.level_name}={load.level}\n"
        (directory / "console.txt").write_text(lines)
        (directory / "series.txt").write_bytes(canonical_json(window.model_dump(mode="json")))
        if experiment.instruments.profile:
            _write_symbols(directory, window, asked)
        lost = window.open_connections > effect.fails and not load.may_lose
        errors = round(asked * (1 - window.requests_per_s / window.arrivals_per_s)) if lost else 0
        return Measurement(
            experiment=experiment,
            products=dict(self.products),
            status="invalid" if lost else "valid",
            gates=(_make_gate(lost),),
            zone=_find_zone(lost, window),
            window=window,
            attribution=_make_attribution(window) if experiment.instruments.regions else None,
            ledger=_make_ledger(effect, window),
            pooled=_count_pooled(effect, asked, window) if effect.slots else (),
            server_losses=Losses.none(),
            client_losses=(Losses.none(),),
            client_busy_share=(0.4,),
            load_report=LoadReport(
                tool=load.kind,
                processes=1,
                completed=asked - errors,
                wrong=0,
                errors=errors,
                timeouts=errors // 2,
                body_bytes=(asked - errors) * 1024,
                requests_per_s=window.requests_per_s,
            ),
            recovery=flow.recovery,
            virtual_s=asked / window.requests_per_s,
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
        return conclude_alone(
            experiment,
            self.products,
            tuple(latencies),
            virtual_s=0.1,
            series="series.txt",
            artefacts=(_describe(directory / "series.txt"),),
        )

    def _find_effect(self, experiment: Experiment) -> Effect:
        return self.effects.get(experiment.server, USUAL.get(experiment.server, Effect()))

    def _find_state(self, experiment: Experiment, concurrency: float) -> _State:
        effect = self._find_effect(experiment)
        # Looking closer changes no result of a synthetic server.
        plain = experiment.instruments.model_copy(update={"profile": False})
        asked = experiment.model_copy(update={"instruments": plain}).model_dump_json(
            exclude={"limits": True, "instruments": {"regions"}}
        )
        identity = digest_bytes(asked.encode())
        random = generator(experiment.seed, f"synthetic {identity}")
        data, fetch = (
            value * float(np.exp(random.normal(0, self.noise)))
            for value in (
                20 + effect.spilled * _find_share(effect, concurrency),
                5 + effect.cold / min(concurrency, 40.0),
            )
        )
        core = experiment.core
        stall = (data + fetch) * float(core.l2.load)
        cycles = effect.cycles * float(core.base_cpi) + stall
        return _State(effect, data, fetch, stall, cycles, core.clock_mhz * 1e6 / cycles)


def _find_share(effect: Effect, concurrency: float) -> float:
    """Which part of a request's data has left the cache when it comes back to them."""
    share = concurrency / (concurrency + effect.fits * 8)
    return share * min(1.0, effect.peaks / concurrency)


@dataclass(frozen=True)
class _State:
    """What a request costs a synthetic server, and how many a second it can serve."""

    effect: Effect
    data: float
    fetch: float
    stall: float
    cycles: float
    capacity: float


def _describe_window(state: _State, flow: Flow) -> Window:
    rate, connections = flow.replies_per_s, flow.open_connections
    busy = min(1.0, rate / state.capacity)
    own = state.effect.cycles
    return Window(
        start_ns=100_000_000,
        end_ns=100_000_000 + int(flow.requests / rate * 1e9),
        requests=flow.requests,
        requests_per_s=rate,
        arrivals_per_s=flow.arrivals_per_s,
        bytes_per_s=rate * 1300,
        open_connections=connections,
        cycles_per_request=state.cycles,
        instructions_per_request=ByMode(user=own * 0.2, kernel=own * 0.8),
        misses_per_request=_make_misses(state.data, state.fetch),
        writebacks_per_request=state.data / 3,
        dma_lines_per_request=12,
        events_per_request=EventRates(
            mmio_read=1,
            mmio_write=4,
            port_read=0.4,
            port_write=1.6,
            interrupt=0.4,
            trap=0,
            iret=0.4,
        ),
        stall_share=state.stall / state.cycles,
        busy_share=busy,
        idle_share=1 - busy,
        link_transmit=0.1,
        link_receive=0.05,
        sent_frames_per_s=rate * 4,
        received_frames_per_s=rate * 5,
        retransmissions=0,
        syn_retransmissions=0,
        request_latency_us=_make_latency(connections / rate * 1e6),
        connection_latency_us=_make_latency(connections / rate * 1.2e6),
    )


def _make_misses(data: float, fetch: float) -> Misses:
    nothing = ByMode(user=0, kernel=0)
    return Misses(
        l1i=ByMode(user=fetch, kernel=fetch * 5),
        l1d_load=ByMode(user=data, kernel=data * 4),
        l1d_store=ByMode(user=data / 2, kernel=data),
        l2_fetch=ByMode(user=fetch * 0.2, kernel=fetch * 0.8),
        l2_load=ByMode(user=data * 0.1, kernel=data * 0.6),
        l2_store=ByMode(user=data * 0.1, kernel=data * 0.2),
        itlb=nothing,
        dtlb=nothing,
    )


def _make_ledger(effect: Effect, window: Window) -> Ledger:
    """All connections are accepted, but for those beyond the allocator's slots."""
    accepted = min(window.open_connections, effect.slots or window.open_connections)
    parts = dict.fromkeys(PARTS, 0.0) | {"accepted": accepted}
    parts["accept_queue"] = window.open_connections - accepted
    return Ledger(
        samples=100,
        parts=parts,
        stages={"parse": accepted / 2, "body": accepted / 2},
        open=window.open_connections,
        mean_gap=0,
        largest_gap=0,
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


def _count_pooled(effect: Effect, requests: int, window: Window) -> tuple[PooledObject, ...]:
    """The account of an allocator of requests; what finds no slot waits."""
    peak = min(effect.slots, round(window.open_connections))
    return (
        PooledObject(
            name="tux_req", live=0, peak=peak, allocs=requests, frees=requests, spills=0,
            failures=0, oversize=0,
        ),
    )  # fmt: skip


def _write_symbols(directory: Path, window: Window, requests: int) -> None:
    """Half of the data misses in one function, half in another, those of fetches in a third."""
    misses = window.misses_per_request
    load, store = (round(m.total * requests / 2) for m in (misses.l2_load, misses.l2_store))
    fetch = round(misses.l2_fetch.total * requests)
    rows = [("tcp_v4_rcv", 0, load, store), ("tux_parse_head [tux]", 0, load, store)]
    write_symbols(directory / SYMBOLS_FILE, [*rows, ("schedule", fetch, 0, 0)])


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
