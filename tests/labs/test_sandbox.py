# SPDX-License-Identifier: MIT
"""What is not trusted gets nowhere: programs that attack the grader, one by one."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.grader.bench import Bench
from labs.grader.endings import Limits, Raw
from labs.grader.grading import give_all
from labs.grader.sandbox import STUDENT_UID, Sandbox, SilenceError

PYTHON = "/usr/bin/python3"
QUICK = Limits(cpu_s=2, wall_s=20.0)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with tempfile.TemporaryDirectory(prefix="lab-test-") as name:
        base = Path(name)
        base.chmod(0o711)
        (base / "work").mkdir()
        box = Sandbox(base / "work")
        give_all(Bench(box.folder, box, "secret"))
        yield box


def run(sandbox: Sandbox, code: str, limits: Limits = QUICK) -> Raw:
    return sandbox.run([PYTHON, "-I", "-c", code], limits=limits)


def test_a_program_runs_and_says_so(sandbox: Sandbox) -> None:
    raw = sandbox.run(["cat"], stdin=b"hello")
    assert raw == Raw("exit", 0, b"hello", b"")


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_socket(sandbox: Sandbox, family: str) -> None:
    raw = run(sandbox, f"import socket; socket.socket(socket.{family})")
    assert b"PermissionError" in raw.stderr


@pytest.mark.parametrize("call", ["os.setsid()", "os.setpgid(0, 0)"])
def test_no_leaving_of_the_process_group(sandbox: Sandbox, call: str) -> None:
    raw = run(sandbox, f"import os\nos.fork() or {call}\nos.wait()")
    assert b"PermissionError" in raw.stderr


def test_what_is_left_behind_is_killed(sandbox: Sandbox) -> None:
    raw = run(sandbox, "import os, time\npid = os.fork()\nif pid: print(pid)\nelse: time.sleep(99)")
    child = int(raw.stdout)
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in _state(child):
            return
        time.sleep(0.02)
    pytest.fail("the child lives")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def test_a_loop_is_stopped_by_processor_time(sandbox: Sandbox) -> None:
    assert run(sandbox, "while True: pass", Limits(cpu_s=1, wall_s=60.0)).ended == "processor time"


def test_waiting_is_stopped_by_the_wall_clock(sandbox: Sandbox) -> None:
    raw = run(sandbox, "import time; time.sleep(60)", Limits(wall_s=0.5))
    assert raw.ended == "wall clock"
    assert "wait" in raw.describe(QUICK)


def test_output_and_files_are_bounded(sandbox: Sandbox) -> None:
    raw = sandbox.run(["yes"], limits=Limits(output_bytes=1 << 16))
    assert raw.ended == "output"
    assert len(raw.stdout) == 1 << 16


def test_memory_is_bounded(sandbox: Sandbox) -> None:
    assert b"MemoryError" in run(sandbox, "bytearray(1 << 30)").stderr


@as_root
def test_a_fork_bomb_ends(sandbox: Sandbox) -> None:
    raw = run(sandbox, "import os\nfor _ in range(99): os.fork()", Limits(processes=20, cpu_s=2))
    assert b"BlockingIOError" in raw.stderr


@as_root
def test_another_user_without_rights(sandbox: Sandbox, tmp_path: Path) -> None:
    kept = tmp_path / "hidden"
    kept.write_text("42")
    kept.chmod(0o600)
    raw = run(sandbox, f"import os; print(os.getresuid()); open({str(kept)!r})")
    assert raw.stdout.decode().strip() == str((STUDENT_UID,) * 3)
    assert b"PermissionError" in raw.stderr
    raw = run(sandbox, f"import os; os.kill({os.getpid()}, 0)")
    assert b"PermissionError" in raw.stderr
    raw = run(sandbox, f"open('/proc/{os.getpid()}/environ').read()")
    assert b"PermissionError" in raw.stderr


def test_the_environment_is_empty(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "42")
    raw = run(sandbox, "import os; print(sorted(os.environ))")
    assert b"PATH" in raw.stdout
    assert b"TOKEN" not in raw.stdout


def test_the_filter_ends_other_interfaces(sandbox: Sandbox) -> None:
    """A call of i386 from a 64-bit program would have other numbers."""
    if os.uname().machine != "x86_64":
        pytest.skip("only x86-64 has another interface")
    (sandbox.folder / "call.c").write_text(
        'int main(void) { int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20)); return 0; }'
    )
    give_all(Bench(sandbox.folder, sandbox, "secret"))
    assert sandbox.run(["gcc", "-o", "call", "call.c"], limits=Limits(memory_bytes=None)).ran
    assert sandbox.run(["./call"]).ended == "signal SIGSYS"


def test_a_conversation(sandbox: Sandbox) -> None:
    code = "while True: print(int(input()) + 1, flush=True)"
    with sandbox.converse([PYTHON, "-I", "-c", code], limits=QUICK) as other:
        for number in (1, 41):
            other.say(str(number))
            assert other.hear() == str(number + 1)
        other.say("no number")
        with pytest.raises(SilenceError, match="ValueError"):
            other.hear()


def test_a_conversation_with_someone_silent(sandbox: Sandbox) -> None:
    code = "import time; time.sleep(60)"
    with (
        sandbox.converse([PYTHON, "-I", "-c", code], limits=Limits(wall_s=0.5)) as other,
        pytest.raises(SilenceError, match="did not end within"),
    ):
        other.hear()


def test_the_grader_needs_nothing_but_the_standard_library() -> None:
    from ground import process
    from ground.paths import PROJECT

    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "import labs.grader.command, labs.grader.roster\n"
        "print([n for n in ('numpy', 'pydantic', 'rich', 'ground') if n in sys.modules])"
    )
    result = process.run([sys.executable, "-I", "-c", code], cwd=PROJECT)
    assert result.stdout.strip() == "[]"
