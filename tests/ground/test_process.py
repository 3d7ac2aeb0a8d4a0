# SPDX-License-Identifier: MIT
"""What is started ends with who started it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from ground import process
from ground.reaper import Reaper

PATIENCE_S = 60.0
# A shell with children and grandchildren, the latter deaf to all that can be heard.
FAMILY = "(trap '' TERM HUP INT; sleep 1000 & sleep 1000; :) & sleep 1000 & echo ready; wait"


def start_program(tmp_path: Path, code: str) -> subprocess.Popen[str]:
    """A Python program of its own; it has said a line when this returns."""
    script = tmp_path / "program.py"
    script.write_text(code)
    child = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout
    child.stdout.readline()
    return child


def find_descendants(pid: int, at_least: int) -> list[psutil.Process]:
    """All processes below ``pid``, once there are ``at_least`` so many."""
    end = time.monotonic() + PATIENCE_S
    while True:
        family = psutil.Process(pid).children(recursive=True)
        if len(family) >= at_least or time.monotonic() > end:
            assert len(family) >= at_least
            return family
        time.sleep(0.05)


def list_alive(family: list[psutil.Process], patience_s: float = 10.0) -> list[psutil.Process]:
    """Those of ``family`` that live on after some seconds; a zombie does not."""
    end = time.monotonic() + patience_s
    while True:
        alive = [one for one in family if is_alive(one)]
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.05)


def is_alive(one: psutil.Process) -> bool:
    try:
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def clean_up(family: list[psutil.Process]) -> Iterator[None]:
    """Whatever a test finds, nothing of it lives on."""
    try:
        yield
    finally:
        for one in family:
            if is_alive(one):
                one.kill()


STARTER = f"""
import sys, time
from ground import process
with process.start(["sh", "-c", {FAMILY!r}]) as child:
    print(child.stdout.readline().decode().strip(), flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_no_descendant_outlives_a_killed_program(tmp_path: Path, how: signal.Signals) -> None:
    with start_program(tmp_path, STARTER) as child:
        family = find_descendants(child.pid, 6)  # shell, subshell, three sleepers, the reaper
        with clean_up(family):
            child.send_signal(how)
            child.wait()
            assert not list_alive(family)


def test_the_reaper_of_a_program_ends_with_it(tmp_path: Path) -> None:
    code = (
        "from ground import process\n"
        "process.run(['true'])\nprint('ready', flush=True)\ninput()\n"
        "process.run(['true'])\n"
    )
    script = tmp_path / "program.py"
    script.write_text(code)
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout
        child.stdout.readline()
        family = find_descendants(child.pid, 1)
        _, err = child.communicate(b"\n")
        assert child.returncode == 0
        assert err == b""
        assert not list_alive(family)


def test_a_reaper_kills_what_it_was_not_told_to_forget() -> None:
    """Also if it was itself killed in between."""
    reaper = Reaper()
    sleepers = [subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(3)]
    try:
        for sleeper in sleepers:
            reaper.watch(sleeper.pid)
        reaper.forget(sleepers[0].pid)
        (shell,) = (
            p for p in psutil.Process().children() if "read -r change" in " ".join(p.cmdline())
            and p.pid == reaper._shell.pid  # type: ignore[union-attr]
        )  # fmt: skip
        shell.kill()
        shell.wait()
        reaper.forget(sleepers[1].pid)
        reaper.close()
        assert sleepers[2].wait(PATIENCE_S) == -signal.SIGKILL
        assert [sleeper.poll() for sleeper in sleepers[:2]] == [None, None]
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_a_fork_leaves_the_reaper_to_its_parent(tmp_path: Path) -> None:
    """The child ends at once and in order; the parent's program lives on."""
    code = (
        "import os\nfrom ground import process\n"
        "with process.start(['sleep', '1000']) as child:\n"
        "    fork = os.fork()\n"
        "    if not fork:\n"
        "        process.run(['true'])\n"
        "        os._exit(0)  # not out of the block, which is the parent's\n"
        "    assert os.waitpid(fork, 0)[1] == 0\n"
        "    assert child.poll() is None\n"
        "    print('ready', flush=True)\n"
    )
    with start_program(tmp_path, code) as child:
        assert child.wait(PATIENCE_S) == 0, child.stderr.read()  # type: ignore[union-attr]


def test_what_a_program_leaves_is_killed_with_the_block() -> None:
    with process.start(["sh", "-c", FAMILY]) as child:
        assert child.stdout
        child.stdout.readline()
        family = find_descendants(child.pid, 4)
    assert not list_alive(family)


def test_a_killed_program_takes_its_semaphores_along(tmp_path: Path) -> None:
    """A pool of workers has some in /dev/shm, which its resource tracker removes when all of the
    program is gone; so the tracker must not be killed before."""
    script = tmp_path / "pool.py"
    script.write_text(
        "import time\n"
        "from artifact.runs.engines import LocalEngine\n"
        "if __name__ == '__main__':\n"
        "    with LocalEngine(2).open() as pool:\n"
        "        list(pool.map(abs, range(4)))\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(1000)\n"
    )
    environment = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with process.start([sys.executable, str(script)], env=environment) as child:
        assert child.stdout
        child.stdout.readline()
        maps = Path(f"/proc/{child.pid}/maps").read_text()
        # Mapped by a name that the C library has removed again; the file is the same.
        mapped = {int(line.split()[4]) for line in maps.splitlines() if "/dev/shm/sem." in line}
        assert list_semaphores() & mapped
        family = find_descendants(child.pid, 3)
    assert not list_semaphores() & mapped
    assert not list_alive(family)


def list_semaphores() -> set[int]:
    """The inodes of all semaphores with a name."""
    found = set()
    for path in Path("/dev/shm").glob("sem.*"):
        with suppress(FileNotFoundError):
            found.add(path.stat().st_ino)
    return found


def test_a_program_in_the_foreground_has_our_terminal_and_environment(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLOUR", "green")
    assert process.run_in_foreground(["sh", "-c", "echo $COLOUR; exit 3"]) == 3
    assert capfd.readouterr().out == "green\n"
    assert process.run_in_foreground(["false"], env={}) == 1


def test_a_program_in_the_foreground_dies_with_us(tmp_path: Path) -> None:
    code = (
        "from ground import process\nprint('ready', flush=True)\n"
        "process.run_in_foreground(['sleep', '1000'])\n"
    )
    with start_program(tmp_path, code) as child:
        family = find_descendants(child.pid, 1)
        with clean_up(family):
            child.kill()
            child.wait()
            assert not list_alive(family)


def test_termination_is_heard_as_ctrl_c_and_by_the_main_thread_alone(tmp_path: Path) -> None:
    code = (
        "import time\nfrom ground.terminal import report_errors\n"
        "from ground import process\n"
        "@report_errors\n"
        "def command():\n"
        f"    with process.start(['sh', '-c', {FAMILY!r}]) as child:\n"
        "        print(child.stdout.readline(), flush=True)\n"
        "        time.sleep(1000)\n"
        "command()\n"
    )
    with start_program(tmp_path, code) as child:
        family = find_descendants(child.pid, 6)
        with clean_up(family):
            child.terminate()
            _, err = child.communicate(timeout=PATIENCE_S)
            assert child.returncode == 4
            assert "error: interrupted\n" in err
            assert "try: give the same command again" in err
            assert "Traceback" not in err
            assert not list_alive(family)
    before = signal.getsignal(signal.SIGTERM)
    from ground.terminal import hear_termination

    with hear_termination():
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        inner = threading.Thread(target=lambda: hear_termination().__enter__())
        inner.start()
        inner.join()
    assert signal.getsignal(signal.SIGTERM) is before
