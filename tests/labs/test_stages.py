# SPDX-License-Identifier: MIT
"""Lab 1's servers: chosen, true to their model, and alive."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from labs.catalogue import find_entry
from labs.grader.chance import Chance
from labs.handout import write_handout
from labs.stages.judging import find_next_release, find_server, measure_f1
from labs.stages.paths import Alloc, Field, Free, Next, Server, Stage, Struct
from labs.stages.paths import Path as Way
from labs.stages.servers import NAMES, make_server
from labs.stages.source import RUNTIME, write_sources
from labs.stages.walking import AnnotationError, complete

SEEDS = range(40)
GOOD = 'schema = 1\n[dispatch]\ndiscipline = "queue"\n'


def test_no_name_means_two_things() -> None:
    names = [name for choices in NAMES.values() for name in choices]
    assert len(set(names)) == len(names)
    texts = "".join(path.read_text() for path in RUNTIME.iterdir())
    code = set(re.findall(r"(?<![@\w])(\w+)\(", texts))
    assert not set(names) & code


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_has_what_is_to_be_found(seed: int) -> None:
    server = make_server(Chance("secret", f"server {seed}"))
    truth = server.find_truth()
    reached = {target for _, target, _ in truth.edges}
    assert {stage.name for stage in server.stages} == reached | {server.entry}
    assert truth.impossible
    assert not truth.impossible & truth.edges
    assert {kind for _, _, kind in truth.edges} == {"queue", "socket", "timer", "direct"}
    assert all(truth.live.values())
    assert max(truth.bytes.values()) < truth.peak_bytes < sum(truth.bytes.values())


def test_servers_differ_by_seed_and_a_release_keeps_the_names() -> None:
    one, other = find_server("server", "secret", 1), find_server("server", "secret", 2)
    assert measure_f1(one.find_truth().edges, other.find_truth().edges) < 0.3
    later = find_next_release("secret", 1)
    assert later.words == one.words
    assert later.find_truth().edges != one.find_truth().edges
    assert find_server("practice", "x", 1) == find_server("practice", "y", 2)


def test_the_walk_knows_what_is_live() -> None:
    """a allocates x; b frees it or does not; c is reached with both."""
    task = Struct("t", (Field("long", "long a"), Field("char", "char b")))
    thing = Struct("x", (Field("char", "char a[3]", 3), Field("short", "short b")))
    stages = (
        Stage("a", "", (Alloc("x"),), (Way((Next("b", "socket"), Next("c", "timer"))),)),
        Stage("b", "", (), (Way((Free(("x",)), Next("b", "queue")), live=(("x", True),)),
                            Way((Next("c", "queue"),), live=(("x", False),)))),
        Stage("c", "", (), (Way((Free(("t",)),)),)),
    )  # fmt: skip
    truth = Server({}, task, (thing,), stages, "a", "c").find_truth()
    assert truth.edges == {
        ("a", "c", "direct"), ("a", "b", "socket"), ("a", "c", "timer"), ("b", "b", "queue"),
        ("b", "c", "queue"),
    }  # fmt: skip
    assert truth.live == {"t": {"a", "b", "c"}, "x": {"a", "b", "c"}}
    assert truth.bytes == {"t": 16, "x": 6}
    assert truth.peak_bytes == 22


@pytest.mark.parametrize("table", ["server", "sources", "stack"])
def test_tables_about_files_are_the_graders(table: str) -> None:
    assert "[sources]" in complete(GOOD)
    with pytest.raises(AnnotationError, match=table):
        complete(f"{GOOD}[{table}]\ncompiler = './mine'\n")


def test_a_handout_has_the_server_and_not_the_secret(tmp_path: Path) -> None:
    write_handout(find_entry("stages"), tmp_path / "lab", seed=3, secret="very-secret")
    own = write_sources(find_server("server", "very-secret", 3))
    for folder in ("server", ".grader/labs/stages/given"):
        found = {path.name: path.read_text() for path in (tmp_path / "lab" / folder).iterdir()}
        assert found == own
    for path in (tmp_path / "lab").rglob("*"):
        assert path.is_dir() or b"very-secret" not in path.read_bytes()


def test_a_server_compiles_without_a_warning_and_answers(tmp_path: Path) -> None:
    for name, text in write_sources(find_server("practice", "", 0)).items():
        (tmp_path / name).write_text(text)
    gcc = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", "server"]
    sources = sorted(path.name for path in tmp_path.glob("*.c"))
    subprocess.run([*gcc, *sources], cwd=tmp_path, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([tmp_path / "server", str(port)]) as process:
        try:
            assert ask(port, b"GET something\nGET else\n") == [b"OK 13\n", b"OK 8\n"]
            assert ask(port, b"GET _secret\n")[0].startswith(b"NO")
        finally:
            process.kill()


def ask(port: int, text: bytes) -> list[bytes]:
    """Say ``text``; as many lines as come for it."""
    for _ in range(200):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    with connection, connection.makefile("rb") as stream:
        connection.sendall(text)
        return [stream.readline() for _ in range(text.count(b"\n"))]
