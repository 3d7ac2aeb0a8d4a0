# SPDX-License-Identifier: MIT
"""One measured run: prepare, start the machines, watch, evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from forge.manifest import Manifest
from ground.files import write_atomically
from ground.seeds import derive_bytes
from testbed.alone import evaluate_alone, write_alone_job
from testbed.evaluation import evaluate
from testbed.experiment import Experiment
from testbed.guest.job import write_client_job, write_server_job
from testbed.guest.servers import find_server
from testbed.machines.command_line import MachinePlan, Wire, find_mac, plan_machine
from testbed.machines.monitor import watch
from testbed.machines.pool import Pool, QemuPool, share_memory
from testbed.machines.products import Products, find_products
from testbed.measurement import Measurement

ENTROPY_BYTES = 64
RAW_FILES = ("*/link*.pcap", "*/counters.jsonl", "*/entropy.bin")


def run(
    experiment: Experiment, manifest: Manifest, directory: Path, *, keep_raw: bool = True
) -> Measurement:
    """`run_products` on what ``manifest`` names: one call, one measured run."""
    return run_products(experiment, find_products(manifest), directory, keep_raw=keep_raw)


def run_products(
    experiment: Experiment,
    products: Products,
    directory: Path,
    *,
    pool: Pool | None = None,
    keep_raw: bool = True,
) -> Measurement:
    """Run ``experiment`` in ``directory`` (made if absent) and return what it measured.

    ``directory`` then holds ``measurement.json``, ``series.parquet``, consoles and emissions of
    the machines, and with ``keep_raw`` the captures and counter streams.  Raises SubjectFailed,
    InfrastructureFailed or MeasurementInvalid; the files stay where they are for reading.
    """
    directory = directory.resolve()
    run_jobs(experiment, products, directory, write_jobs(experiment), pool=pool)
    judge = evaluate_alone if experiment.load.program else evaluate
    measurement = judge(experiment, directory, products.digests)
    measurement.write(directory / "measurement.json")
    if not keep_raw:
        for pattern in RAW_FILES:
            for path in directory.glob(pattern):
                path.unlink()
    return measurement


def write_jobs(experiment: Experiment) -> dict[str, str]:
    """The job of each machine, by its name."""
    if experiment.load.program:
        return {"server": write_alone_job(experiment)}
    return {"server": write_server_job(experiment, find_server(experiment))} | {
        f"client{number}": write_client_job(experiment, number)
        for number in range(1, experiment.machines.clients + 1)
    }


def run_jobs(
    experiment: Experiment,
    products: Products,
    directory: Path,
    jobs: Mapping[str, str],
    *,
    pool: Pool | None = None,
    capture_clients: bool = False,
) -> None:
    """Run each machine's job to its end, with files in ``directory``; nothing is evaluated.

    ``jobs`` is shell text by machine name; machines without a job are not started.  Raises
    SubjectFailed, InfrastructureFailed or MeasurementInvalid.
    """
    with ExitStack() as stack:
        plans = prepare(
            experiment, products, directory, stack, jobs, capture_clients=capture_clients
        )
        chosen = pool or QemuPool()
        watch([stack.enter_context(chosen.start(plan)) for plan in plans], experiment.limits)


def prepare(
    experiment: Experiment,
    products: Products,
    directory: Path,
    stack: ExitStack,
    jobs: Mapping[str, str],
    *,
    capture_clients: bool = False,
) -> list[MachinePlan]:
    """Write jobs and entropy, open the links' memory, and plan the machines."""
    numbers = [n for n in range(1, experiment.machines.clients + 1) if f"client{n}" in jobs]
    links = {number: stack.enter_context(share_memory(f"link{number}")) for number in numbers}
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / "experiment.json", experiment.model_dump_json(indent=1).encode())
    plans = []
    for name, job in jobs.items():
        place = directory / name
        place.mkdir(parents=True, exist_ok=True)
        for stale in ("console.txt", "frames.bin", "counters.jsonl", "qemu.log"):
            (place / stale).unlink(missing_ok=True)
        (place / "job.sh").write_text(job)
        entropy = derive_bytes(experiment.seed, f"entropy/{name}", ENTROPY_BYTES)
        (place / "entropy.bin").write_bytes(entropy)
        wires = tuple(
            _plan_wire(name, number, links[number], place, capture_clients)
            for number in numbers
            if name in {"server", f"client{number}"}
        )
        boot = products.server if name == "server" else products.client
        plans.append(plan_machine(experiment, boot, name, place, wires))
    return plans


def _plan_wire(name: str, number: int, path: str, place: Path, capture: bool) -> Wire:
    side = 0 if name == "server" else 1
    return Wire(
        path=path,
        side=side,
        client=number,
        mac=find_mac(number, side),
        pcap=place / f"link{number}.pcap" if capture or side == 0 else None,
        stats=place / f"link{number}.json",
    )
