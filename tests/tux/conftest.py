# SPDX-License-Identifier: MIT
"""Fixtures: the document tree, the oracles, and the server under test, each started once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.tux.documents import write_documents
from tests.tux.guest import Guest, find_boot, serve_in_guest, start_guest
from tests.tux.network import is_possible
from tests.tux.servers import Served, start_apache, start_nginx, start_tux

Start = Callable[..., AbstractContextManager[Served]]

# Parameters so small that a handful of requests already makes a difference.
POLICIES = {
    "cohort": {"patience": "40"},
    "stingy": {"patience": "40", "capacity": "2"},
    "bounded-accept": {"accept_limit": "2"},
    "multi-accept": {"accept_limit": "2"},
}
STARTERS: dict[str, Start] = {
    "nginx": start_nginx,
    "apache": start_apache,
    "tux": start_tux,
    "tux-threads": partial(start_tux, sanitize="thread"),
    **{
        f"tux-{name}": partial(start_tux, parameters={"policy": name, **parameters})
        for name, parameters in POLICIES.items()
    },
}
ORACLES = ["nginx", "apache"]
KERNELS = [
    pytest.param("tux-vm", marks=pytest.mark.real),
    pytest.param("tux-debug", marks=[pytest.mark.real, pytest.mark.deep]),
]
TUX = [
    *("tux", "tux-stingy"),
    *(pytest.param(f"tux-{name}", marks=pytest.mark.slow) for name in POLICIES if name != "stingy"),
    *KERNELS,
]
# The kernel's flavour (images/kernel) that each kind of guest boots.
FLAVOURS = {"tux-vm": "", "tux-debug": "debug"}


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


@pytest.fixture
def place(workplace: Path) -> Path:
    """An empty folder that the servers' unprivileged users can read: another document root."""
    made = Path(tempfile.mkdtemp(dir=workplace))
    made.chmod(0o755)
    return made


@pytest.fixture(scope="session")
def documents(workplace: Path) -> Path:
    """The document root."""
    return write_documents(workplace)


@pytest.fixture(scope="session")
def guests(workplace: Path, documents: Path) -> Iterator[Callable[[str], Guest]]:
    """The guest of a kind, booted when first asked for."""
    if not is_possible():
        pytest.skip("a guest's network needs root and /dev/net/tun")
    booted: dict[str, Guest] = {}
    with ExitStack() as stack:

        def get(kind: str) -> Guest:
            if kind not in booted:
                boot = find_boot(FLAVOURS[kind], documents)
                booted[kind] = stack.enter_context(start_guest(boot, workplace / kind))
            return booted[kind]

        yield get


@pytest.fixture(scope="session")
def start(workplace: Path, documents: Path, request: pytest.FixtureRequest) -> Start:
    """Start a server of the named kind with knobs of its own: ``with start("tux", ...) as s``."""
    count = iter(range(1_000_000))

    @contextmanager
    def start_server(kind: str, **knobs: object) -> Iterator[Served]:
        texts = {name: str(value) for name, value in knobs.items()}
        with ExitStack() as stack:
            if kind in FLAVOURS:
                guest = request.getfixturevalue("guests")(kind)
                yield stack.enter_context(serve_in_guest(guest, documents, texts))
                return
            place = workplace / f"{kind}{next(count)}"
            place.mkdir(mode=0o755)
            yield stack.enter_context(STARTERS[kind](place, documents, texts))

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


@pytest.fixture(params=KERNELS)
def kernel_kind(request: pytest.FixtureRequest) -> str:
    """Every kernel with TUX."""
    return str(request.param)


@pytest.fixture(autouse=True)
def clean_console(request: pytest.FixtureRequest) -> Iterator[None]:
    """No guest's kernel complains during a test."""
    kinds = FLAVOURS.keys() & {*_find_kinds(request)}
    machines = [request.getfixturevalue("guests")(kind).machine for kind in kinds]
    yield
    for machine in machines:
        assert machine.is_running, f"the guest has ended: {machine.console[-3000:]}"
        assert not (complaints := machine.read_complaints()), complaints


def _find_kinds(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kinds of server that a test is about."""
    for name in ("kind", "tux_kind", "kernel_kind"):
        if name in request.fixturenames:
            yield request.getfixturevalue(name)


@pytest.fixture
def tux(tux_kind: str, running: Callable[[str], Served]) -> Served:
    """A running TUX of every build in turn."""
    return running(tux_kind)
