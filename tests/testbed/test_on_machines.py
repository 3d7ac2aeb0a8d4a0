# SPDX-License-Identifier: MIT
"""The real machines: link, determinism, plateaus; needs the build (./invoke build)."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ground.seeds import derive_bytes
from testbed.experiment import Experiment, Limits, Link
from testbed.guest.job import PRELUDE
from testbed.hardware.geometry_files import find_geometries, load_geometry
from testbed.link.pcap import Frames, read_frames
from testbed.loads.ab import Ab
from testbed.loads.chase import TOLERANCE, Chase
from testbed.loads.httperf import Httperf
from testbed.loads.netperf import Netperf
from testbed.machines.command_line import find_mac
from testbed.machines.products import Products, load_products
from testbed.measurement import Measurement
from testbed.outputs.emissions import read_emissions
from testbed.run import run_jobs, run_products, write_jobs
from tests.names import ODDEST_NAME

pytestmark = pytest.mark.real

WIRE_OVERHEAD, WIRE_MINIMUM = 24, 60
STALL_NS = 10_000  # a block whose loads all miss ends late by their stalls, and timers with it


@pytest.fixture(scope="module")
def products() -> Products:
    return load_products()


@pytest.fixture
def small(experiment: Experiment) -> Experiment:
    """Small, but with concurrency enough that many orders of events are possible; a host that is
    busy on purpose may keep a machine silent for long."""
    load, patient = Ab(concurrency=30, requests=600), Limits(silence_s=900)
    return experiment.model_copy(update={"load": load, "limits": patient})


def with_link(experiment: Experiment, **changes: int) -> Experiment:
    return experiment.model_copy(update={"link": Link(**changes)})


def draw_jitter(experiment: Experiment, side: int) -> Iterator[int]:
    """How much longer each frame from ``side`` takes: splitmix64 of the seed (Steele, Lea and
    Flood, OOPSLA 2014)."""
    state = int.from_bytes(derive_bytes(experiment.seed, f"jitter/1/{side}", 4), "little")
    while True:
        state = (state + 0x9E3779B97F4A7C15) % (1 << 64)
        z = state
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> shift)) * factor % (1 << 64)
        yield (z ^ (z >> 31)) % (experiment.link.jitter_ns + 1)


@dataclass(frozen=True)
class Direction:
    """Frames from one ``side``: when they were sent, when they came, their lengths."""

    side: int
    sent_ns: np.ndarray
    received_ns: np.ndarray
    wire: np.ndarray

    def predict(self, experiment: Experiment) -> np.ndarray:
        """When each frame must arrive: serialised one by one, then the latency, then the jitter,
        but not before the one that it follows."""
        link, jitter = experiment.link, draw_jitter(experiment, self.side)
        free, arrivals = 0, [0]
        for sent, length in zip(self.sent_ns.tolist(), self.wire.tolist(), strict=True):
            bits = (max(length, WIRE_MINIMUM) + WIRE_OVERHEAD) * 8
            free = max(free, sent) + bits * 1_000_000_000 // link.bandwidth
            arrivals.append(max(free + link.latency_ns + next(jitter), arrivals[-1]))
        return np.array(arrivals[1:])


def compare_ends(directory: Path) -> tuple[Direction, Direction]:
    """To the server and from it, as both ends saw the frames."""
    mac = bytes.fromhex(find_mac(1, 0).replace(":", ""))
    ends: list[Frames] = [
        read_frames(directory / name / "link1.pcap", mac, range(1, 2))
        for name in ("server", "client1")
    ]
    server, client = ends

    def direction(sender: Frames, receiver: Frames, by_server: bool) -> Direction:
        out, came = sender.all_sent == by_server, receiver.all_sent == by_server
        count = int(came.sum())
        assert np.array_equal(sender.all_wire[out][:count], receiver.all_wire[came])
        return Direction(
            0 if by_server else 1,
            sender.all_time_ns[out][:count],
            receiver.all_time_ns[came],
            sender.all_wire[out][:count],
        )

    return direction(client, server, False), direction(server, client, True)


PING_SERVER = f"""{PRELUDE}
up eth0 10.0.1.1
mark start
mark sync
nc -l -p 7001 < /dev/null > /dev/null
mark stop
echo ok | emit finished
"""
PING_CLIENT = f"""{PRELUDE}
up eth0 10.0.1.2
mark sync
until ping -c 1 -W 1 10.0.1.1 > /dev/null; do :; done
ping -c 20 -i 0.01 -s 1000 10.0.1.1 | emit ping
until echo | nc 10.0.1.1 7001; do sleep 0.1; done
echo ok | emit finished
"""


@pytest.mark.parametrize(
    "link",
    [
        Link(),
        Link(latency_ns=200_000, bandwidth=100_000_000, quantum_ns=70_000, jitter_ns=0),
        Link(latency_ns=10_000, bandwidth=10_000_000_000, quantum_ns=10_000, jitter_ns=0),
    ],
)
def test_ping_takes_what_the_link_says(
    experiment: Experiment, products: Products, tmp_path: Path, link: Link
) -> None:
    changed = experiment.model_copy(update={"link": link})
    jobs = {"server": PING_SERVER, "client1": PING_CLIENT}
    run_jobs(changed, products, tmp_path, jobs, capture_clients=True)
    to_server, from_server = compare_ends(tmp_path)
    # The client has no stalls: exact to the nanosecond.  The server may be in one.
    assert np.array_equal(from_server.received_ns, from_server.predict(changed))
    late = to_server.received_ns - to_server.predict(changed)
    assert late.min() == 0
    assert late.max() <= STALL_NS
    report = read_emissions(tmp_path / "client1" / "frames.bin").text("ping")
    line = next(line for line in report.splitlines() if "min/avg/max" in line)
    minimum_ms = float(line.split("=")[1].split("/")[0])
    wire_ns = 2 * (1042 + WIRE_OVERHEAD) * 8e9 / link.bandwidth + 2 * link.latency_ns
    assert wire_ns / 1e6 <= minimum_ms <= wire_ns / 1e6 + 0.2 + 2 * link.jitter_ns / 1e6


@pytest.mark.parametrize("test", ["TCP_STREAM", "TCP_RR"])
def test_netperf_fills_the_wire_as_the_link_allows(
    experiment: Experiment, products: Products, tmp_path: Path, test: str
) -> None:
    """Bulk: the wire is used to its last bit a second, or the server's CPU is."""
    load = Netperf.model_validate({"test": test, "seconds": 1})
    changed = experiment.model_copy(update={"load": load})
    run_jobs(changed, products, tmp_path, write_jobs(changed), capture_clients=True)
    to_server, from_server = compare_ends(tmp_path)
    assert np.array_equal(from_server.received_ns, from_server.predict(changed))
    late = to_server.received_ns - to_server.predict(changed)
    assert 0 <= late.min() <= late.max() <= STALL_NS
    assert len(to_server.sent_ns) > 3000  # a round trip of one byte takes some 250 us


def test_netperf_measurement(experiment: Experiment, products: Products, tmp_path: Path) -> None:
    """As a design has it: the server is what netperf talks to, and no file describes it."""
    load = Netperf(test="TCP_RR", seconds=1)
    changed = experiment.model_copy(update={"load": load, "server": load.partner})
    measurement = run_products(changed, products, tmp_path)
    assert measurement.failed_gates == ()
    assert measurement.window is not None
    reported = measurement.load_report.transactions_per_s
    assert measurement.window.requests_per_s == pytest.approx(reported, rel=0.03)


@pytest.mark.parametrize("server", ["nginx", "lighttpd", "apache"])
def test_each_server_under_ab(
    experiment: Experiment, products: Products, tmp_path: Path, server: str
) -> None:
    load = Ab(concurrency=64, requests=3000)
    changed = experiment.model_copy(update={"server": server, "load": load})
    measurement = run_products(changed, products, tmp_path / ODDEST_NAME)
    assert measurement.failed_gates == ()
    assert measurement.window is not None
    assert measurement.load_report.completed == 3000
    assert measurement.load_report.body_bytes == 3000 * 1024


def test_httperf_offers_its_rate(
    experiment: Experiment, products: Products, tmp_path: Path
) -> None:
    load = Httperf(rate=2000, connections=2000)
    measurement = run_products(experiment.model_copy(update={"load": load}), products, tmp_path)
    assert measurement.failed_gates == ()
    assert measurement.load_report.completed == 2000
    # It sleeps between its ticks; as it was shipped it polled, and its machine was never idle.
    assert max(measurement.client_busy_share) < 0.3


@contextmanager
def busy_host() -> Iterator[None]:
    """Twice as many spinning processes as cores."""
    spinners = [
        multiprocessing.Process(target=_spin, daemon=True) for _ in range(2 * (os.cpu_count() or 1))
    ]
    for spinner in spinners:
        spinner.start()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.join()


def _spin() -> None:
    while True:
        pass


def digests(measurement: Measurement) -> dict[str, str]:
    return {artefact.name: artefact.sha256 for artefact in measurement.artefacts}


def test_same_bytes_idle_loaded_and_with_another_quantum(
    small: Experiment, products: Products, tmp_path: Path
) -> None:
    first = run_products(small, products, tmp_path / "idle")
    with busy_host():
        second = run_products(small, products, tmp_path / "loaded")
    third = run_products(with_link(small, quantum_ns=13_000), products, tmp_path / "quantum")
    assert digests(first) == digests(second) == digests(third)
    assert first.model_dump_json() == second.model_dump_json()
    assert first.window == third.window
    assert first.ledger is not None
    assert first.ledger == third.ledger
    other = run_products(small.model_copy(update={"seed": 2}), products, tmp_path / "seed")
    assert digests(other)["server/link1.pcap"] != digests(first)["server/link1.pcap"]


# Load-to-use latencies of L1D, L2 and memory in cycles, as measured or published for each machine.
LATENCIES = {
    "banias-1400": (3, 9, 134),
    "tualatin-1400": (3, 8, 141),
    "skylake-sp-2500": (4, 14, 55),
    "zen4-3700": (4, 14, 50),
}


@pytest.mark.parametrize("name", find_geometries())
def test_pointer_chase_shows_the_plateaus(
    experiment: Experiment, products: Products, tmp_path: Path, name: str
) -> None:
    """Each working set but those on a step reads the latency of the level that holds it."""
    file = load_geometry(name)
    geometry = file.geometry
    changed = {"server": "pchase", "load": Chase(), "geometry": geometry, "core": file.core}
    measurement = run_products(experiment.model_copy(update=changed), products, tmp_path)
    assert measurement.failed_gates == ()
    l1d, l2, memory = LATENCIES[name]
    for latency in measurement.latencies:
        size = latency.working_set_bytes
        if size < geometry.l1d.size:
            assert latency.cycles == pytest.approx(l1d, rel=TOLERANCE)
        elif geometry.l1d.size < size < geometry.l2.size:
            assert latency.cycles == pytest.approx(l2, rel=TOLERANCE)
        elif size > geometry.l2.size:
            assert latency.cycles == pytest.approx(memory, rel=TOLERANCE)
    sizes = {latency.working_set_bytes for latency in measurement.latencies}
    for cache in (geometry.l1d, geometry.l2):
        assert {cache.size - cache.way_bytes, cache.size + cache.way_bytes} <= sizes
