# SPDX-License-Identifier: MIT
"""The stack that stages use at run time, painted and measured under load, against gcc's frames."""

from __future__ import annotations

import socket
import time
import tomllib
from pathlib import Path

import pytest

from stingy.accuracy.truth import find_server
from stingy.memwalk.passes import analyse
from tests.servers.clients import connect, exchange_raw
from tests.servers.load import GET, LAST, converse, load_server
from tests.servers.running import EXAMPLES, NAMES, Server
from tests.servers.stacks import build_painted, paint, read_frames

DATED = b"GET /page.html HTTP/1.0\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"


def exercise(server: Server) -> None:
    """Everything that makes a stage run: requests, pauses, timeouts, readers that are slow."""
    converse(server)
    load_server(server, connections=50, rounds=3)
    exchange_raw(server.port, [DATED])
    exchange_raw(server.port, [])
    exchange_raw(server.port, [b"GET /pa"])
    with connect(server.port) as sock:
        for piece in (b"GET /page.html HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n"):
            sock.sendall(piece)
            time.sleep(0.05)
        sock.recv(4096)
    with connect(server.port) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall((GET % b"1000000.bin") * 5 + LAST % b"1000000.bin")
        time.sleep(0.1)
        while sock.recv(65536):
            pass


@pytest.mark.parametrize("name", NAMES)
def test_painted_stacks_stay_within_the_sum_of_frames(
    name: str, root: Path, tmp_path: Path
) -> None:
    """The chains in the ground truth, gcc's frames and the assumptions on the C library hold."""
    used = paint(
        build_painted(EXAMPLES / name, name, tmp_path), root, tmp_path / "report", exercise
    )
    frames = read_frames(tmp_path)
    case = find_server(EXAMPLES / name)
    assumed = tomllib.loads(case.annotations.read_text())["stack"]
    chains = {stage: chain for stage, chain in case.truth.chains.items() if stage != "event_loop"}
    assert used.keys() == chains.keys()
    for stage, chain in chains.items():
        default = assumed["external_default_bytes"]
        bounds = [frames.get(f, assumed["external_bytes"].get(f, default)) for f in chain]
        assert 0 < used[stage] <= sum(bounds), (stage, used[stage], chain, bounds)


@pytest.mark.parametrize("name", NAMES)
def test_bounds_are_never_below_what_is_painted(name: str, root: Path, tmp_path: Path) -> None:
    """memwalk's bound holds at run time, and is no more than half above gcc's own sum."""
    used = paint(
        build_painted(EXAMPLES / name, name, tmp_path), root, tmp_path / "report", exercise
    )
    bounds = {
        depth.root: depth.bytes
        for depth in analyse(find_server(EXAMPLES / name).annotations).stacks
    }
    for stage, painted in used.items():
        bound = bounds[stage]
        assert bound is not None
        assert painted <= bound
