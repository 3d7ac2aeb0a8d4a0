# SPDX-License-Identifier: MIT
"""The speed of the server of a two-machine run, as the testbed has it, in any emulation mode.

The client runs beside it in lock step and is not timed.  The server's process spins for a while
before it sleeps when it must wait for the client; this is part of its time in every mode, so on a
host whose processors are busy the ratios of modes lie a little too near to one.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from checks.speed.machine import (
    SEED,
    Bench,
    Timing,
    choose_core,
    count_instructions,
    finalize_instrument,
    follow,
)
from checks.speed.report import Mode
from ground.process import start
from testbed.experiment import Experiment
from testbed.guest.job import write_client_job, write_server_job
from testbed.guest.servers import load_server
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads.ab import Ab
from testbed.machines.pool import QemuPool
from testbed.machines.products import find_products
from testbed.run import prepare

WORK = "server of a two-machine run"
CONCURRENCY, REQUESTS = 256, 4000
LOCK_STEP = "mark sync\n"
END = "mark stop\n"


def write_jobs(experiment: Experiment) -> dict[str, str]:
    """The testbed's own jobs; the server's says when lock step begins and when all is served."""
    job = write_server_job(experiment, load_server(experiment.server))
    job = job.replace(LOCK_STEP, f"{LOCK_STEP}mark note 0\nemit begin.0.0 < /dev/null\n")
    job = job.replace(END, f"emit end.0.0 < /dev/null\nmark note 1\n{END}")
    return {"server": job, "client1": write_client_job(experiment, 1)}


def run_pair(bench: Bench, mode: Mode, directory: Path) -> Timing:
    """Run both machines: the server's time, and what the client reported.

    Raises ProcessError if a job did not finish.
    """
    experiment = Experiment(
        server="nginx",
        load=Ab(concurrency=CONCURRENCY, requests=REQUESTS),
        geometry=bench.geometry,
        core=choose_core(bench.core, mode),
        platform=load_platform(DEFAULT_PLATFORM).platform,
        seed=SEED,
    )
    manifest = bench.find_manifest(mode)
    products = find_products(manifest)
    with ExitStack() as stack:
        plans = prepare(experiment, products, directory, stack, write_jobs(experiment))
        server, client = plans
        plugin, frames = manifest.cache_plugin.path, server.directory / "frames.bin"
        argv = finalize_instrument(server.argv, mode, plugin, bench.geometry, frames)
        peer = stack.enter_context(QemuPool().start(client))
        process = stack.enter_context(start(argv, cwd=server.directory))
        spans, _ = follow(process, argv, server.console)
        while peer.poll() is None:
            time.sleep(0.05)
    counts = count_instructions(server.directory / "counters.jsonl", 1)
    return Timing(
        spans={(WORK, block): span for (_, block), span in spans.items()},
        instructions={(WORK, block): n for (_, block), n in counts.items()},
        report=(client.directory / "frames.bin").read_bytes(),
    )
