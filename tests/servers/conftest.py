# SPDX-License-Identifier: MIT
"""Both servers, compiled under the sanitizers once a session, and a folder for them to serve."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from ground import seeds
from tests.servers.rewritten import rewrite_server
from tests.servers.running import EXAMPLES, NAMES, Server, build_server, run_server

SIZES = (0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 50_000, 1_000_000)
VARIANTS = ("stock", "stingy")
Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of many sizes, awkward names, and things that must not be served."""
    outside = tmp_path_factory.mktemp("www")
    (outside / "secret.txt").write_text("not below the root\n")
    root = outside / "root"
    root.mkdir()
    for size in SIZES:
        (root / f"{size}.bin").write_bytes(seeds.derive_bytes(4, f"body {size}", size))
    (root / "page.html").write_text("<p>page</p>\n")
    (root / "a b%c?d#.txt").write_text("awkward\n")
    (root / ".hidden").write_text("hidden\n")
    (root / "with index").mkdir()
    (root / "with index" / "index.html").write_text("<p>index</p>\n")
    (root / "plain").mkdir()
    (root / "plain" / "one.txt").write_text("one\n")
    (root / "private.txt").write_text("private\n")
    (root / "private.txt").chmod(0o640)
    os.mkfifo(root / "fifo", 0o644)
    (root / "loop").symlink_to("loop")
    return root


@pytest.fixture(scope="session", params=[(n, v) for n in NAMES for v in VARIANTS], ids="-".join)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server, as it is or on Stingy, under the address and undefined-behaviour sanitizers."""
    name, variant = request.param
    source = EXAMPLES / name
    if variant == "stingy":
        source, _, _ = rewrite_server(name, tmp_path_factory.mktemp(f"{name}-stingy"))
    return build_server(source, name, tmp_path_factory.mktemp(name), "SANITIZE=1")


@pytest.fixture
def start(program: Path, root: Path) -> Start:
    """Start the server with options of one's own."""
    return partial(run_server, program, root)


@pytest.fixture
def server(start: Start) -> Iterator[Server]:
    """A running server with default options."""
    with start() as running:
        yield running
