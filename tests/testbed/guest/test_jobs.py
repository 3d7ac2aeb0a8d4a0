# SPDX-License-Identifier: MIT
"""Jobs and command lines: pure functions of the experiment, and complete."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.paths import PROJECT
from testbed.experiment import Experiment
from testbed.guest.job import write_client_job, write_server_job
from testbed.guest.servers import ServerDescription
from testbed.loads import Load
from testbed.loads.ab import Ab, share_load
from testbed.loads.files import find_paths
from testbed.loads.httperf import Httperf
from testbed.loads.netperf import Netperf
from testbed.loads.spike import Spike
from testbed.machines.command_line import (
    KERNEL_BASE,
    Boot,
    Wire,
    finalize_cache_model,
    format_options,
    plan_machine,
)

NGINX = ServerDescription(name="nginx", start="nginx", ready="wget -q -O - http://127.0.0.1/f0")


@given(
    concurrency=st.integers(1, 5000), extra=st.integers(0, 50_000), per_process=st.integers(1, 200)
)
def test_the_fleet_adds_up(concurrency: int, extra: int, per_process: int) -> None:
    load = Ab(concurrency=concurrency, requests=concurrency + extra, per_process=per_process)
    shares = share_load(load)
    assert sum(c for c, _ in shares) == concurrency
    assert sum(n for _, n in shares) == load.requests
    assert all(n >= c >= 1 for c, n in shares)
    assert len(shares) <= load.processes
    assert len(shares) == load.processes or max(shares)[0] <= per_process


def test_every_share_reaches_exactly_one_client(experiment: Experiment) -> None:
    load = Ab(concurrency=1000, requests=20_000)
    machines = experiment.machines.model_copy(update={"clients": 3})
    wide = experiment.model_copy(update={"load": load, "machines": machines})
    jobs = [write_client_job(wide, number) for number in (1, 2, 3)]
    reports = re.findall(r"> (report\.\d+) ", "".join(jobs))
    assert len(reports) == len(set(reports)) == len(share_load(load))
    assert "http://10.0.3.1/" in jobs[2]


def test_the_seed_moves_files_and_nothing_else_in_the_fleet(experiment: Experiment) -> None:
    first, second = (find_paths(experiment.model_copy(update={"seed": seed})) for seed in (1, 2))
    assert first != second
    assert sorted(first) == sorted(second)
    assert find_paths(experiment) == first


@pytest.mark.parametrize(
    "load",
    [
        Ab(concurrency=300, requests=3000),
        Httperf(rate=1000, connections=5000, processes=3),
        Spike(rate=1000, connections=5000),
        Netperf(test="TCP_STREAM"),
        Netperf(test="TCP_CRR", streams=4),
    ],
)
def test_jobs_are_shell(experiment: Experiment, load: Load) -> None:
    changed = experiment.model_copy(update={"load": load})
    for job in (write_server_job(changed, NGINX), write_client_job(changed, 1)):
        checked = subprocess.run(
            ["sh", "-n"], input=job, text=True, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
        assert job.rstrip().endswith("echo ok | emit finished")
        assert job.index("mark sync") < job.index("snap after")


def test_each_stream_of_netperf_has_a_port(experiment: Experiment) -> None:
    """Each has a process of its own on the server, which listens there."""
    load = Netperf(test="TCP_CRR", streams=3)
    lines = load.write(experiment.model_copy(update={"load": load}), 1)
    ports = [int(line.split("-P ,")[1].split()[0]) for line in lines if "-P ," in line]
    assert ports == list(load.ports) == [12_866, 12_867, 12_868]


def test_command_lines_hold_what_determinism_needs(experiment: Experiment) -> None:
    boot = Boot(Path("/q"), Path("/fw"), Path("/k"), Path("/r"))
    wire = Wire("/proc/1/fd/3", 0, 1, "52:54:00:00:01:01", Path("/d/l.pcap"), Path("/d/l.json"))
    argv = plan_machine(experiment, boot, "server", Path("/d"), (wire,)).argv
    line = " ".join(argv)
    for needed in (
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "clock=vm",
        "-seed 1",
        "shift=0,sleep=off,num=5,den=7",
        "hpet=off",
        "romfile=",
        "-cpu pentium3",
        "nokaslr",
        "stall-l2-load=125000",
        "stall-mmio-read=1100000",
        "stall-iret=100000",
        "l2=1048576:8:64",
    ):
        assert needed in line


def split_options(argument: str) -> list[str]:
    """What QEMU reads: options between single commas, two of them stand for one."""
    return [part.replace("\0", ",") for part in argument.replace(",,", "\0").split(",")]


@given(value=st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_any_path_is_one_option_of_qemu(value: str) -> None:
    argument = format_options("file", {"id": "frames", "path": value, "last": 1})
    assert split_options(argument) == ["file", "id=frames", f"path={value}", "last=1"]


def test_a_comma_in_a_path_does_not_end_an_option(experiment: Experiment) -> None:
    boot = Boot(Path("/q,1"), Path("/f,2"), Path("/k"), Path("/r"), Path("/p,3/plugin.so"))
    wire = Wire("/l,4", 0, 1, "52:54:00:00:01:01", Path("/d,5/l.pcap"), Path("/d,5/l.json"))
    profiled = experiment.model_copy(
        update={"instruments": experiment.instruments.model_copy(update={"profile": True})}
    )
    argv = plan_machine(profiled, boot, "server", Path("/d,5"), (wire,)).argv
    flags = {"-chardev", "-fw_cfg", "-object", "-netdev", "-plugin"}
    arguments = [value for flag, value in itertools.pairwise(argv) if flag in flags]
    found = [option for argument in arguments for option in split_options(argument)]
    for wanted in ("path=/d,5/frames.bin", "file=/d,5/job.sh", "output=/d,5/counters.jsonl",
                   "path=/l,4", "pcap=/d,5/l.pcap", "stats=/d,5/l.json", "/p,3/plugin.so",
                   "out=/d,5/instructions.txt", "profile=/d,5/profile.txt"):  # fmt: skip
        assert wanted in found


def test_the_tlb_model_is_an_option(experiment: Experiment) -> None:
    assert "tlb" not in finalize_cache_model(experiment, Path("/d"))
    on = experiment.instruments.model_copy(update={"tlb": True})
    options = finalize_cache_model(experiment.model_copy(update={"instruments": on}), Path("/d"))
    assert "itlb=128:4,dtlb=128:4,stall-itlb=38000,stall-dtlb=38000" in options


def test_stalls_are_in_units_of_one_instruction(experiment: Experiment) -> None:
    core = experiment.core.model_copy(update={"base_cpi": experiment.core.base_cpi / 2})
    options = finalize_cache_model(experiment.model_copy(update={"core": core}), Path("/d"))
    assert "stall-l2-load=250000" in options
    assert "stall-port-write=2000000" in options


def test_stacks_are_walked_where_the_kernel_maps_its_memory() -> None:
    config = (PROJECT / "images" / "kernel" / "common.config").read_text()
    assert "CONFIG_VMSPLIT_3G_OPT=y" in config
    assert KERNEL_BASE == 0xB000_0000


def test_only_servers_set_memory_aside(experiment: Experiment) -> None:
    boot = Boot(Path("/q"), Path("/fw"), Path("/k"), Path("/r"))
    for machine in ("server", "client1"):
        argv = plan_machine(experiment, boot, machine, Path("/d"), ()).argv
        assert ("reserve_mem=32M:1M:stingy" in " ".join(argv)) == (machine == "server")
