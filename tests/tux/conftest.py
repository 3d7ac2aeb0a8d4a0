# SPDX-License-Identifier: MIT
"""Fixtures: the document tree, the oracles, and the server under test, each started once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.tux.documents import write_documents
from tests.tux.servers import Served, start_apache, start_nginx

Start = Callable[..., AbstractContextManager[Served]]

STARTERS = {"nginx": start_nginx, "apache": start_apache}
ORACLES = ["nginx", "apache"]
TUX: list[str] = []


@pytest.fixture(scope="session")
def workplace() -> Iterator[Path]:
    """A directory that the servers' unprivileged users can read, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="tux-tests-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        for path in place.rglob("closed"):
            path.chmod(0o755)
        shutil.rmtree(place)


@pytest.fixture(scope="session")
def documents(workplace: Path) -> Path:
    """The document root."""
    return write_documents(workplace)


@pytest.fixture(scope="session")
def start(workplace: Path, documents: Path) -> Start:
    """Start a server of the named kind with knobs of its own: ``with start("tux", ...) as s``."""
    count = iter(range(1_000_000))

    @contextmanager
    def start_server(kind: str, **knobs: object) -> Iterator[Served]:
        place = workplace / f"{kind}{next(count)}"
        place.mkdir(mode=0o755)
        texts = {name: str(value) for name, value in knobs.items()}
        with STARTERS[kind](place, documents, texts) as served:
            yield served

    return start_server


@pytest.fixture(scope="session")
def running(start: Start) -> Iterator[Callable[[str], Served]]:
    """The server of a kind with default knobs, started when first asked for."""
    servers: dict[str, Served] = {}
    with ExitStack() as stack:

        def get(kind: str) -> Served:
            if kind not in servers:
                servers[kind] = stack.enter_context(start(kind))
            return servers[kind]

        yield get


@pytest.fixture(scope="session")
def oracles(running: Callable[[str], Served]) -> dict[str, Served]:
    """The packaged servers."""
    return {name: running(name) for name in ORACLES}


@pytest.fixture(params=[*ORACLES, *TUX])
def kind(request: pytest.FixtureRequest) -> str:
    """Every kind of server: what holds for TUX and the packaged ones."""
    return str(request.param)


@pytest.fixture
def server(kind: str, running: Callable[[str], Served]) -> Served:
    """A running server of every kind in turn."""
    return running(kind)


@pytest.fixture(params=TUX)
def tux_kind(request: pytest.FixtureRequest) -> str:
    """Every build of TUX."""
    return str(request.param)


@pytest.fixture
def tux(tux_kind: str, running: Callable[[str], Served]) -> Served:
    """A running TUX of every build in turn."""
    return running(tux_kind)
