# SPDX-License-Identifier: MIT
"""The driver on fake machines: every way to fail ends in its own clear error."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed import run
from testbed.experiment import Experiment, Limits
from testbed.faults import InfrastructureFailed, MeasurementInvalid, SubjectFailed
from testbed.guest.servers import ServerDescription
from testbed.machines import monitor
from testbed.machines.command_line import Boot, plan_machine
from testbed.machines.monitor import Watch, watch
from testbed.machines.pool import share_memory
from testbed.machines.products import Products
from tests.testbed.fakes import FakeInstance, FakePool, Step
from tests.testbed.synthetic import SyntheticRun, counter_line, frame

BOOT = Boot(Path("/q/qemu"), Path("/q/firmware"), Path("/q/kernel"), Path("/q/root"))
PRODUCTS = Products(
    server=BOOT, client=BOOT, symbols=Path("/q/vmlinux"), digests={"qemu": "1" * 64}
)
FINISHED = Step("frames.bin", frame("finished", "ok\n"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "POLL_S", 0.001)
    server = ServerDescription(name="nginx", start="true", ready="true")
    monkeypatch.setattr(run, "find_server", lambda _: server)


class Clock:
    """Host time that passes a second a look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def fake(
    experiment: Experiment, place: Path, steps: list[Step], status: int | None, name: str = "server"
) -> FakeInstance:
    directory = place / name
    directory.mkdir(exist_ok=True)
    return FakeInstance(plan_machine(experiment, BOOT, name, directory, ()), steps, status)


def test_a_quiet_good_end(experiment: Experiment, tmp_path: Path) -> None:
    watch([fake(experiment, tmp_path, [Step("console.txt", b"up\n"), FINISHED], 0)], Limits())


@pytest.mark.parametrize(
    "line",
    [
        b"Kernel panic - not syncing: Fatal exception",
        b"BUG: kernel NULL pointer dereference, address: 00000008",
        b"Oops: 0002 [#1]",
        b"testbed: job failed: nginx is not ready",
    ],
)
def test_a_crash_is_blamed_on_its_machine(
    experiment: Experiment, tmp_path: Path, line: bytes
) -> None:
    steps = [Step("console.txt", b"fine\n" + line[:9]), Step("console.txt", line[9:] + b"\nx\n")]
    with pytest.raises(SubjectFailed) as caught:
        watch([fake(experiment, tmp_path, steps, None)], Limits())
    assert line.decode() in caught.value.message
    assert str(tmp_path / "server" / "console.txt") in caught.value.hint
    with pytest.raises(InfrastructureFailed):
        watch([fake(experiment, tmp_path, list(steps), None, "client1")], Limits())


def test_a_crash_in_the_last_unfinished_line_counts(experiment: Experiment, tmp_path: Path) -> None:
    steps = [Step("console.txt", b"fine\nKernel panic - not syncing: x")]
    with pytest.raises(SubjectFailed):
        watch([fake(experiment, tmp_path, steps, 0)], Limits())


def test_a_killed_qemu(experiment: Experiment, tmp_path: Path) -> None:
    instance = fake(experiment, tmp_path, [Step("qemu.log", b"bad option")], -9)
    with pytest.raises(InfrastructureFailed, match="killed by signal 9 bad option"):
        watch([instance], Limits())


def test_a_killed_peer_ends_the_run(experiment: Experiment, tmp_path: Path) -> None:
    """The other machine waits for its dead peer for ever; the watch does not."""
    waiting = fake(experiment, tmp_path, [Step("console.txt", b"up\n")], None)
    dead = fake(experiment, tmp_path, [], -11, "client1")
    with pytest.raises(InfrastructureFailed, match="client1: QEMU was killed by signal 11"):
        watch([waiting, dead], Limits())


def test_an_end_before_the_jobs_end(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(SubjectFailed, match="ended before its job did"):
        watch([fake(experiment, tmp_path, [Step("console.txt", b"up\n")], 0)], Limits())


def test_silence_is_a_hang(experiment: Experiment, tmp_path: Path) -> None:
    instance = fake(experiment, tmp_path, [Step("console.txt", b"up\n")], None)
    state = Watch([instance], Limits(silence_s=10), Clock())
    with pytest.raises(InfrastructureFailed, match="no machine gave a sign of life for 10 s"):
        while not state.check():
            pass


def test_a_babbling_machine_ends_too(experiment: Experiment, tmp_path: Path) -> None:
    instance = fake(experiment, tmp_path, [Step("console.txt", b"x\n")] * 500, None)
    state = Watch([instance], Limits(silence_s=10, total_s=100), Clock())
    with pytest.raises(InfrastructureFailed, match="did not end within 100 s"):
        while not state.check():
            pass


def test_virtual_time_is_bounded(experiment: Experiment, tmp_path: Path) -> None:
    records = [
        Step("counters.jsonl", counter_line("sample", 10**9 * second).encode())
        for second in range(1, 40)
    ]
    with pytest.raises(MeasurementInvalid, match="within 20 virtual seconds"):
        watch([fake(experiment, tmp_path, records, None)], Limits(virtual_s=20))


def test_a_full_disk(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InfrastructureFailed, match="full"):
        watch([fake(experiment, tmp_path, [], None)], Limits())


def test_a_whole_run_on_fake_machines(synthetic_run: SyntheticRun, tmp_path: Path) -> None:
    """prepare, start, watch, evaluate, write: all but QEMU."""
    synthetic_run.write()
    files = ("console.txt", "frames.bin", "counters.jsonl", "link1.pcap", "link1.json")
    lives = {}
    for name in ("server", "client1"):
        place = tmp_path / name
        steps = [
            Step(file, (place / file).read_bytes()) for file in files if (place / file).exists()
        ]
        lives[name] = (steps, 0)
    shutil.rmtree(tmp_path / "server")
    shutil.rmtree(tmp_path / "client1")
    pool = FakePool(lives)
    directory = tmp_path / "run"
    measurement = run.run_products(
        synthetic_run.experiment, PRODUCTS, directory, pool=pool, keep_raw=False
    )
    assert measurement.status == "valid"
    assert pool.started == ["server", "client1"]
    assert sorted(pool.ended) == ["client1", "server"]
    assert (directory / "measurement.json").exists()
    assert not list(directory.glob("*/link*.pcap"))
    assert len({a.name for a in measurement.artefacts}) == 6


def test_errors_survive_pickling() -> None:
    error = SubjectFailed("oops", hint="read it")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is SubjectFailed
    assert (again.message, again.hint) == ("oops", "read it")


def test_shared_memory_leaves_nothing_behind() -> None:
    with share_memory("link1") as path:
        Path(path).write_bytes(b"x" * 4096)
        assert Path(path).stat().st_size == 4096
    assert not Path(path).exists()


def test_no_machine_outlives_a_killed_runner(tmp_path: Path) -> None:
    """kill -9 of the runner takes its machines with it."""
    pid_file = tmp_path / "pid"
    program = (
        "import sys, time, pathlib\n"
        "from ground import process\n"
        "with process.start(['sleep', '600']) as child:\n"
        "    pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
        "    time.sleep(600)\n"
    )
    runner = subprocess.Popen(
        [sys.executable, "-c", program, str(pid_file)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 30
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    machine = int(pid_file.read_text())
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    while time.monotonic() < deadline and _is_running(machine):
        time.sleep(0.05)
    assert not _is_running(machine)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_prepare_writes_one_job_a_machine(experiment: Experiment, tmp_path: Path) -> None:
    two = experiment.model_copy(
        update={"machines": experiment.machines.model_copy(update={"clients": 2})}
    )
    with ExitStack() as stack:
        plans = run.prepare(two, PRODUCTS, tmp_path, stack, run.write_jobs(two))
        assert [plan.name for plan in plans] == ["server", "client1", "client2"]
        server = " ".join(plans[0].argv)
        assert server.count("timedlink") == server.count("e1000,netdev") == 2
        assert "mac=52:54:00:00:02:01" in server
        assert "e1000.RxDescriptors=256,256" in server
        assert "cache-model" not in " ".join(plans[1].argv)
    entropy = {(tmp_path / plan.name / "entropy.bin").read_bytes() for plan in plans}
    assert len(entropy) == 3


def test_a_seed_moves_the_link_and_each_direction_differs(
    experiment: Experiment, tmp_path: Path
) -> None:
    """A sample is of boots whose frames take differently long."""
    seeds = []
    for seed in (1, 2):
        boot = experiment.model_copy(update={"seed": seed})
        with ExitStack() as stack:
            plans = run.prepare(boot, PRODUCTS, tmp_path, stack, run.write_jobs(boot))
            for plan in plans:
                (netdev,) = (word for word in plan.argv if word.startswith("timedlink,"))
                options = dict(part.split("=", 1) for part in netdev.split(",")[1:])
                assert int(options["jitter"]) > 0
                seeds.append(options["jitter-seed"])
    assert len(set(seeds)) == 4
