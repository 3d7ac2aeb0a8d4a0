# SPDX-License-Identifier: MIT
"""Both servers under load and under nonsense, with the sanitizers on."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground import process
from tests.servers.clients import Client, exchange_raw
from tests.servers.conftest import Start
from tests.servers.load import converse, load_server
from tests.servers.running import Server


def test_many_connections_at_once(server: Server) -> None:
    assert load_server(server, connections=400, rounds=5) == 2000


def test_a_conversation_repeats(server: Server) -> None:
    assert converse(server) == converse(server)


def test_descriptors_run_out(start: Start) -> None:
    """With few descriptors connections wait in the backlog, and every one is served in the end."""
    with start() as server:
        process.run(["prlimit", f"--pid={server.pid}", "--nofile=40:40"])
        assert load_server(server, connections=15, rounds=3) == 45


@pytest.mark.skipif(not shutil.which("ab"), reason="ab is not installed (apache2-utils)")
@pytest.mark.parametrize("keep_alive", [True, False])
def test_apache_bench(server: Server, keep_alive: bool) -> None:
    options = ["-k"] if keep_alive else []
    url = f"http://127.0.0.1:{server.port}/8193.bin"
    report = process.run(
        ["ab", "-q", *options, "-c", "200", "-n", "5000", url], timeout_s=300
    ).stdout
    assert re.search(r"Complete requests:\s+5000\n", report)
    assert re.search(r"Failed requests:\s+0\n", report)
    assert "Non-2xx" not in report


PIECES = (
    *(b"GET ", b"HEAD", b" /", b"/page.html", b"%2e", b"%0", b"..", b" HTTP/1.1", b" HTTP/1.0"),
    *(b"\r\n", b"\n", b"\r", b"Host: x\r\n", b"Connection: close", b": ", b"\0", b"\xff", b"?"),
    *(b"Content-Length: 7\r\n", b"/4097.bin", b" " * 50, b"a" * 3000, b"\r\n\r\n", b"Range"),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))
def test_nonsense_gets_replies_or_nothing(server: Server, nonsense: bytes) -> None:
    """Whatever comes: replies are replies, and the server is there for the next client."""
    with suppress(ConnectionError):
        raw = exchange_raw(server.port, [nonsense], half_close=True)
        assert not raw or re.match(rb"HTTP/1\.1 \d{3} ", raw)
    with Client(server.port) as client:
        assert client.request("/page.html").status == 200
