# SPDX-License-Identifier: MIT
"""Starting a server of any kind on a document tree, behind one description."""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ground import process
from ground.paths import PROJECT
from tests.tux.machine import Machine
from tests.tux.wire import Connection, MakeSocket, Reply

# A hang is a failure, a busy host is none: a guest's clock can lag by minutes there.
READY_S = 240.0
IDLE_S = 240.0
LOOPBACK = "127.0.0.1"
# The knobs of net.tux that the packaged servers have too, under their own names.
NGINX_KNOBS = {
    "header_timeout": "client_header_timeout {}s;",
    "keepalive_timeout": "keepalive_timeout {}s;",
}
APACHE_KNOBS = {
    "header_timeout": "RequestReadTimeout header={}",
    "keepalive_timeout": "KeepAliveTimeout {}",
}


def make_plain_socket() -> socket.socket:
    """A TCP socket in the network of this process."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


@dataclass(frozen=True)
class Served:
    """A running server: where it listens, how to get there, what it serves."""

    name: str
    address: tuple[str, int]
    root: Path
    make_socket: MakeSocket = make_plain_socket
    prefix: tuple[str, ...] = ()
    read_log: Callable[..., str] = field(default=lambda suffix="": "", repr=False)
    rename_log: Callable[[str], None] = field(default=lambda _: None, repr=False)
    reopen_log: Callable[[], None] = field(default=lambda: None, repr=False)
    control: Callable[[int], None] = field(default=lambda _: None, repr=False)
    read_stat: Callable[[], dict[str, int]] = field(default=dict, repr=False)
    now: Callable[[], float] = time.time
    client_address: str = LOOPBACK
    machine: Machine | None = field(default=None, repr=False)

    @property
    def is_tux(self) -> bool:
        """Whether TUX is under test, rather than one of the oracles."""
        return self.name.startswith("tux")

    def connect(self, receive_bytes: int | None = None) -> Connection:
        """A new connection, which takes in about ``receive_bytes`` that nobody reads."""
        return Connection(self.make_socket, self.address, receive_bytes)

    def ask(self, request: bytes, method: str = "GET") -> Reply:
        """The reply to one request on a connection of its own."""
        with self.connect() as connection:
            connection.send(request)
            return connection.read_reply(method)

    def get(self, target: str, *fields: str, method: str = "GET", version: str = "1.1") -> Reply:
        """The reply to a well-formed request for ``target``."""
        return self.ask(request(target, *fields, method=method, version=version), method)

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """curl's result for ``arguments``; it uses no proxy and no configuration file."""
        command = [*self.prefix, "curl", "-q", "-s", "--noproxy", "*", "--max-time", "60"]
        return process.run([*command, *arguments], check=False, timeout_s=90)

    def assert_idle(self) -> None:
        """No request is alive, once the connections of the past are gone (TUX counts them)."""
        if not self.is_tux:
            return
        deadline = time.monotonic() + IDLE_S
        while alive := {k: v for k, v in self.read_stat().items() if v and k.endswith(".live")}:
            assert time.monotonic() < deadline, f"still alive: {alive}"
            time.sleep(0.05)

    def url(self, target: str = "/") -> str:
        """The URL of ``target``."""
        return f"http://{self.address[0]}:{self.address[1]}{target}"


def request(
    target: str,
    *fields: str,
    method: str = "GET",
    version: str = "1.1",
    host: str | None = "localhost",
) -> bytes:
    """A request as bytes: Host first, then ``fields`` in order."""
    lines = [f"{method} {target} HTTP/{version}"]
    lines += [f"Host: {host}"] if host is not None else []
    return "\r\n".join([*lines, *fields, "", ""]).encode("latin-1")


def find_free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with make_plain_socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def wait_until_ready(served: Served, running: Callable[[], bool]) -> None:
    """Wait until ``served`` accepts connections; fails when it has ended or takes too long."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            served.connect().socket.close()
        except OSError:
            assert running(), f"{served.name} has ended: {served.read_log()}"
            assert time.monotonic() < deadline, f"{served.name} does not listen"
            time.sleep(0.02)
        else:
            return


@contextmanager
def start_nginx(place: Path, root: Path, knobs: Mapping[str, str]) -> Iterator[Served]:
    """The packaged nginx."""
    port = find_free_port()
    extra = "".join(f"    {NGINX_KNOBS[k].format(v)}\n" for k, v in knobs.items())
    folders = "".join(
        f"    {name}_temp_path {place}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"{'user www-data;' if os.geteuid() == 0 else ''}\n"
        f"daemon off;\nworker_processes 1;\npid {place}/pid;\nerror_log {place}/errors;\n"
        "worker_rlimit_nofile 20000;\nevents { worker_connections 16384; }\nhttp {\n"
        f"    include /etc/nginx/mime.types;\n    default_type application/octet-stream;\n"
        f"    access_log {place}/access.log;\n{folders}{extra}"
        f"    server {{ listen {LOOPBACK}:{port}; root {root}; absolute_redirect off; }}\n"
        + "".join(
            f"    server {{ listen {LOOPBACK}:{port}; server_name {host}; root {root}/{host}; }}\n"
            for host in ("one.example", "two.example")
        )
        + "}\n"
    )
    argv = ["nginx", "-e", str(place / "errors"), "-c", str(place / "nginx.conf")]
    with process.start(argv, log=place / "output") as child:
        served = Served("nginx", (LOOPBACK, port), root, read_log=(place / "access.log").read_text)
        wait_until_ready(served, lambda: child.poll() is None)
        yield served


@contextmanager
def start_apache(place: Path, root: Path, knobs: Mapping[str, str]) -> Iterator[Served]:
    """The packaged Apache with the event MPM."""
    port = find_free_port()
    modules = ("mpm_event", "authz_core", "mime", "dir", "reqtimeout")
    loads = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in modules)
    users = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    extra = "".join(f"{APACHE_KNOBS[k].format(v)}\n" for k, v in knobs.items())
    (place / "apache.conf").write_text(
        f"ServerName localhost\nServerRoot {place}\nDefaultRuntimeDir {place}\n"
        f"PidFile {place}/pid\nErrorLog {place}/errors\nListen {LOOPBACK}:{port}\n"
        f"{loads}{users}StartServers 1\nThreadsPerChild 64\nMaxRequestWorkers 64\n"
        "ServerLimit 1\nAsyncRequestWorkerFactor 128\nMaxKeepAliveRequests 0\n"
        'LogFormat "%h %l %u %t \\"%r\\" %>s %b" common\nCustomLog access.log common\n'
        "TypesConfig /etc/mime.types\nDirectoryIndex index.html\nTraceEnable off\n"
        f"DocumentRoot {root}\n{extra}"
        f"<Directory {root}>\nOptions FollowSymLinks\nAllowOverride None\n"
        "Require all granted\n</Directory>\n"
    )
    argv = ["apache2", "-DFOREGROUND", "-f", str(place / "apache.conf")]
    with process.start(argv, log=place / "output") as child:
        served = Served("apache", (LOOPBACK, port), root, read_log=(place / "access.log").read_text)
        wait_until_ready(served, lambda: child.poll() is None)
        yield served


@functools.cache
def build_tux(place: Path, sanitize: str = "address,undefined") -> Path:
    """TUX's sources as a process, under sanitizers; compiled once, into a folder in ``place``."""
    out = place / f"tux-build-{sanitize.replace(',', '-')}"
    out.mkdir(exist_ok=True)
    argv = ["make", "-s", "-j2", f"SANITIZE={sanitize}", f"OUT={out}"]
    process.run(argv, cwd=PROJECT / "src" / "tux" / "user")
    return out / "tux-user"


@contextmanager
def start_tux(
    place: Path,
    root: Path,
    knobs: Mapping[str, str],
    parameters: Mapping[str, str] = MappingProxyType({}),
    sanitize: str = "address,undefined",
) -> Iterator[Served]:
    """TUX as a process; at its end it must have leaked nothing and broken no rule of C."""
    program = build_tux(place.parent, sanitize)
    place.chmod(0o777)
    # Without the rights of root, as the threads in the kernel are.
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    command = [*(drop if os.geteuid() == 0 else ()), program]
    port, log, stat = find_free_port(), place / "access.log", place / "stat"
    # Of the process, not knobs.
    own = {"fail_allocations": "TUX_FAIL", "miss_lookups": "TUX_MISS", "preload": "LD_PRELOAD"}
    environment = {own[name]: value for name, value in knobs.items() if name in own}
    knobs = {name: value for name, value in knobs.items() if name not in own}
    wanted = {"documentroot": root, "logfile": log, "port": port, "clientport": 0, "threads": 1}
    settings = {**parameters, **wanted, **knobs}
    values = [f"{name}={value}" for name, value in settings.items()]
    command += ["--stat", stat, *values]
    with process.start(command, env=environment, log=place / "output") as child:
        served = Served(
            "tux", (LOOPBACK, port), root,
            read_log=lambda suffix="": _read_if_there(place / f"access.log{suffix}"),
            rename_log=lambda suffix: _rename(log, suffix),
            reopen_log=lambda: _reopen_log(child, log),
            read_stat=lambda: _read_process_stat(child, stat),
            control=lambda state: _control_process(child, state),
        )  # fmt: skip
        wait_until_ready(served, lambda: child.poll() is None)
        yield served
        child.send_signal(signal.SIGTERM)
        status = child.wait(READY_S)
        output = (place / "output").read_text(errors="replace")
        assert (status, output) == (0, ""), f"TUX ended with {status}: {output[-4000:]}"


def _read_if_there(path: Path) -> str:
    """What the file holds; nothing if there is none yet."""
    return path.read_text() if path.exists() else ""


def _rename(path: Path, suffix: str) -> None:
    """Rename a log as those who rotate it do."""
    path.rename(path.with_name(path.name + suffix))


def _reopen_log(child: subprocess.Popen[bytes], path: Path) -> None:
    """Tell the process that its log was renamed, and wait until it has let go of the old file."""
    child.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + READY_S
    while any(_is_renamed(name, path) for name in _list_open_files(child.pid)):
        assert time.monotonic() < deadline, f"what {path} was is still open"
        time.sleep(0.01)


def _is_renamed(name: str, log: Path) -> bool:
    """Whether the open file ``name`` was the log; the next line makes a new one under its name."""
    return name.startswith(str(log)) and name != str(log)


def _list_open_files(pid: int) -> list[str]:
    """Names of what the process has open; what it closes meanwhile may be left out."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return found


def _read_process_stat(child: subprocess.Popen[bytes], path: Path) -> dict[str, int]:
    """The counters of the process, written anew."""
    path.unlink(missing_ok=True)
    child.send_signal(signal.SIGUSR2)
    deadline = time.monotonic() + READY_S
    while not path.exists():
        assert child.poll() is None, "TUX has ended"
        assert time.monotonic() < deadline, "TUX does not write its counters"
        time.sleep(0.01)
    return parse_stat(path.read_text())


def _control_process(child: subprocess.Popen[bytes], state: int) -> None:
    """A process can be started anew; to stop is to end."""
    assert state == 2, "a process that is stopped has ended"
    child.send_signal(signal.SIGHUP)


def parse_stat(text: str) -> dict[str, int]:
    """Counters by name, one ``name value`` a line."""
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}
