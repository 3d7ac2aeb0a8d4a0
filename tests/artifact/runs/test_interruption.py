# SPDX-License-Identifier: MIT
"""A sweep that is killed or told to end: nothing that it started lives on, results are kept."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from artifact.runs.store import Store

PATIENCE_S = 120.0
# Each run starts a program that has a child and is deaf, as an emulator with a helper may be.
PROGRAM = """
import sys
from dataclasses import dataclass
from pathlib import Path
from artifact.study.designs import Tier
from artifact.study.loading import load_study
from artifact.reproduce import Order, ResultFolders, reproduce
from artifact.runs.rehearsal import SyntheticRunner
from ground import process
from ground.terminal import report_errors

@dataclass(frozen=True)
class Starting(SyntheticRunner):
    def run(self, experiment, directory):
        with process.start(["sh", "-c", "trap '' INT TERM HUP; sleep 1000 & sleep 1000"]):
            return super().run(experiment, directory)

@report_errors
def command():
    order = Order(Tier.QUICK, load_study(["footnote3"]), jobs=2)
    reproduce(order, Starting(delay_s=0.2), ResultFolders(Path(sys.argv[1])))

if __name__ == "__main__":
    command()
"""


def is_alive(one: psutil.Process) -> bool:
    try:
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def start_sweep(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """The command and its descendants, as soon as it has stored a run and two are going on."""
    script = tmp_path / "sweep.py"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), str(tmp_path / "out")]
    family: list[psutil.Process] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            end = time.monotonic() + PATIENCE_S
            sleepers = 0
            while sleepers < 4 or not Store(tmp_path / "out/store").find_keys():
                assert child.poll() is None
                assert time.monotonic() < end
                time.sleep(0.02)
                family = psutil.Process(child.pid).children(recursive=True)
                sleepers = sum(name_of(one) == "sleep" for one in family)
            yield child, family
        finally:
            child.kill()
            for one in filter(is_alive, family):
                one.kill()


def name_of(one: psutil.Process) -> str:
    try:
        return one.name()
    except psutil.NoSuchProcess:
        return ""


def list_alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that live on after some seconds."""
    end = time.monotonic() + 15
    while any(map(is_alive, family)) and time.monotonic() < end:
        time.sleep(0.05)
    return list(filter(is_alive, family))


def test_nothing_outlives_a_command_that_is_killed(tmp_path: Path) -> None:
    with start_sweep(tmp_path) as (child, family):
        assert any("spawn_main" in " ".join(one.cmdline()) for one in family if is_alive(one))
        child.kill()
        child.wait()
        assert not list_alive(family)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_told_to_end_does_so_in_order(
    tmp_path: Path, how: signal.Signals
) -> None:
    """Results stay, it says how to go on, and its exit code is one of the documented."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # the child inherits it
    try:
        with start_sweep(tmp_path) as (child, family):
            child.send_signal(how)
            _, err = child.communicate(timeout=PATIENCE_S)
            assert child.returncode == 4
            assert not list_alive(family)
    finally:
        signal.signal(signal.SIGINT, before)
    stored = Store(tmp_path / "out/store").find_keys()
    told = re.search(r"interrupted; (\d+) runs are stored", err)
    assert told
    assert int(told[1]) <= len(stored) <= int(told[1]) + 2  # a worker may have just stored one
    assert "try: give the same command again to go on" in err
    assert "Traceback" not in err
    assert 0 < len(stored) < 75
