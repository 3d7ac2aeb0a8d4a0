# SPDX-License-Identifier: MIT
"""From files to a Measurement: healthy evidence is valid, each spoilt piece is named."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from testbed.evaluation import evaluate
from testbed.faults import InfrastructureFailed, MeasurementInvalid, SubjectFailed
from testbed.loads.ab import Ab
from testbed.measurement import Measurement, Zone
from tests.testbed.synthetic import SyntheticRun, ab_report, frame, snapshot

PRODUCTS = {"qemu": "0" * 64}


def judge(run: SyntheticRun) -> Measurement:
    run.write()
    return evaluate(run.experiment, run.directory, PRODUCTS)


def failed(measurement: Measurement) -> set[str]:
    return {gate.name for gate in measurement.failed_gates}


def test_healthy_run_is_valid(synthetic_run: SyntheticRun) -> None:
    measurement = judge(synthetic_run)
    assert failed(measurement) == set()
    assert measurement.status == "valid"
    assert measurement.zone == Zone.PLASTIC
    window = measurement.window
    assert window is not None
    # 20 connections of 2 ms each in a closed loop
    assert window.requests_per_s == pytest.approx(10_000, rel=0.02)
    assert window.open_connections == pytest.approx(20, rel=0.01)
    assert window.cycles_per_request == pytest.approx(140_000, rel=0.02)
    assert window.stall_share == pytest.approx(0.3, abs=0.001)
    # first byte of the request at 3/8, last of the response at 4/8 of the connection
    assert window.request_latency_us.p50 == pytest.approx(250, rel=0.01)
    assert window.connection_latency_us.p99 == pytest.approx(1000, rel=0.01)
    assert window.misses_per_request.l2_load.kernel == pytest.approx(50, rel=0.03)
    assert window.events_per_request.port_write == pytest.approx(2, rel=0.03)
    assert window.events_per_request.device_accesses == pytest.approx(8, rel=0.03)


def test_measurement_round_trips(synthetic_run: SyntheticRun, tmp_path: Path) -> None:
    measurement = judge(synthetic_run)
    path = tmp_path / "measurement.json"
    measurement.write(path)
    assert Measurement.read(path) == measurement
    series = pl.read_parquet(tmp_path / measurement.series)
    assert series["completed"].sum() == 4000
    assert {"open_connections", "l2_load_kernel", "sent_wire_bytes"} <= set(series.columns)


def test_evaluation_twice_gives_the_same_bytes(synthetic_run: SyntheticRun, tmp_path: Path) -> None:
    first = judge(synthetic_run).model_dump_json()
    series = (tmp_path / "series.parquet").read_bytes()
    assert judge(synthetic_run).model_dump_json() == first
    assert (tmp_path / "series.parquet").read_bytes() == series


def spoil_concurrency(run: SyntheticRun) -> None:
    load = run.experiment.load
    assert isinstance(load, Ab)
    asked = load.model_copy(update={"concurrency": 30})
    run.experiment = run.experiment.model_copy(update={"load": asked})


def spoil_ring(run: SyntheticRun) -> None:
    run.server[2] = snapshot("after", "6.00 4.00", drop=5)


def spoil_timeouts(run: SyntheticRun) -> None:
    run.client[2] = snapshot("after", "6.00 4.60", retrans=80, timeouts=80)


def spoil_backlog(run: SyntheticRun) -> None:
    run.server[2] = snapshot("after", "6.00 4.00", overflow=1)


def spoil_client(run: SyntheticRun) -> None:
    run.client[2] = snapshot("after", "6.00 4.01")


def spoil_response(run: SyntheticRun) -> None:
    run.client[4] = frame("report.0", ab_report(4000, failed=1))


def spoil_lost(run: SyntheticRun) -> None:
    run.client[4] = frame("report.0", ab_report(3999))


def spoil_log(run: SyntheticRun) -> None:
    run.server[3] = frame("dmesg", "TCP: too many orphaned sockets\n")


def spoil_fifo(run: SyntheticRun) -> None:
    run.fifo_drops = 2


@pytest.mark.parametrize(
    ("spoil", "gate"),
    [
        (spoil_concurrency, "concurrency"),
        (spoil_ring, "server-nic-drops"),
        (spoil_fifo, "client-nic-drops"),
        (spoil_timeouts, "timeouts"),
        (spoil_backlog, "listen-overflows"),
        (spoil_client, "client-busy"),
        (spoil_response, "wrong-responses"),
        (spoil_lost, "completed"),
        (spoil_log, "guest-log"),
    ],
)
def test_each_gate_can_fail(
    synthetic_run: SyntheticRun, spoil: Callable[[SyntheticRun], None], gate: str
) -> None:
    spoil(synthetic_run)
    measurement = judge(synthetic_run)
    assert gate in failed(measurement)
    assert measurement.status == "invalid"
    (broken,) = (g for g in measurement.gates if g.name == gate)
    assert broken.remedy
    assert f"{broken.value:.4g}" in broken.reason


def test_a_frame_in_a_thousand_requests_may_find_no_room(synthetic_run: SyntheticRun) -> None:
    synthetic_run.server[2] = snapshot("after", "6.00 4.00", drop=4)
    assert "server-nic-drops" not in failed(judge(synthetic_run))


def test_losses_mean_the_failure_zone(synthetic_run: SyntheticRun) -> None:
    spoil_ring(synthetic_run)
    assert judge(synthetic_run).zone == Zone.FAILURE


def test_sleeping_connections_are_caught(synthetic_run: SyntheticRun) -> None:
    """The prototype's trap: throughput is fine, but most connections sleep unseen."""
    load = synthetic_run.experiment.load
    assert isinstance(load, Ab)
    asked = load.model_copy(update={"concurrency": 500})
    synthetic_run.experiment = synthetic_run.experiment.model_copy(update={"load": asked})
    assert "concurrency" in failed(judge(synthetic_run))


def test_a_ramp_that_never_settles_is_not_steady(synthetic_run: SyntheticRun) -> None:
    """Throughput that falls all the time: connections take longer and longer."""
    synthetic_run.wire.frames.clear()
    for slot in range(20):
        opened, length, turn = 10_000_000 + slot * 100_000, 1_000_000, 0
        while turn < 200:
            synthetic_run.wire.exchange(1024 + slot, opened, opened + length - 1000, isn=1 + turn)
            opened, length, turn = opened + length, int(length * 1.02), turn + 1
    synthetic_run.end_ns = max(time_ns for time_ns, *_ in synthetic_run.wire.frames) + 5_000_000
    assert "steady-state" in failed(judge(synthetic_run))


def test_wrong_bytes_are_the_subjects_failure(synthetic_run: SyntheticRun) -> None:
    synthetic_run.client[0] = frame("content", "def  -\n")
    with pytest.raises(SubjectFailed, match="client1 received other bytes"):
        judge(synthetic_run)


def test_a_load_generator_that_gave_up_is_no_measurement(synthetic_run: SyntheticRun) -> None:
    synthetic_run.client[4] = frame("report.0", "apr_socket_recv: Connection reset by peer (104)\n")
    with pytest.raises(MeasurementInvalid, match="Connection reset by peer"):
        judge(synthetic_run)


def test_missing_link_statistics_are_infrastructure(synthetic_run: SyntheticRun) -> None:
    synthetic_run.write()
    (synthetic_run.directory / "server" / "link1.json").write_text("")
    with pytest.raises(InfrastructureFailed, match="link statistics"):
        evaluate(synthetic_run.experiment, synthetic_run.directory, PRODUCTS)


def test_evaluation_is_fast_enough(synthetic_run: SyntheticRun) -> None:
    """Under 2 s for 20,000 requests; 4,000 here, with a margin for a loaded host."""
    synthetic_run.write()
    begun = time.process_time()
    evaluate(synthetic_run.experiment, synthetic_run.directory, PRODUCTS)
    assert time.process_time() - begun < 1.0
