# SPDX-License-Identifier: MIT
"""What may be served and what may not: names, links, modes, kinds of files, virtual hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tux.cases import TRAVERSAL_TARGETS
from tests.tux.conftest import Start
from tests.tux.documents import HELLO, OUTSIDE, VIRTUAL_HOSTS, content
from tests.tux.servers import Served, request

REFUSED = {400, 403, 404}


@pytest.mark.parametrize("target", TRAVERSAL_TARGETS)
def test_nothing_outside_of_the_root(server: Served, target: str) -> None:
    reply = server.get(target)
    assert OUTSIDE not in reply.body
    assert b"root:" not in reply.body
    if server.is_tux:
        assert reply.status in REFUSED


@pytest.mark.parametrize("target", TRAVERSAL_TARGETS)
def test_nothing_outside_in_absolute_form(server: Served, target: str) -> None:
    reply = server.get(f"http://localhost{target}")
    assert OUTSIDE not in reply.body
    assert b"root:" not in reply.body


@pytest.mark.parametrize(
    "target",
    [
        *("/escape.txt", "/escape-relative.txt", "/escape-dir", "/escape-dir/"),
        *("/escape-dir/index.html", "/dir/../escape.txt", "/escape-dir/../outside.txt"),
    ],
)
def test_links_do_not_lead_out(tux: Served, target: str) -> None:
    """Lookups are chroot-like: what a link names is looked for below the document root."""
    reply = tux.get(target)
    assert reply.status in REFUSED
    assert OUTSIDE not in reply.body


def test_links_within_are_followed(server: Served) -> None:
    assert server.get("/inside.txt").body == HELLO


@pytest.mark.parametrize("target", ["/fifo", "/socket", "/fifo/", "/socket/x"])
def test_only_regular_files(tux: Served, target: str) -> None:
    """Neither served nor waited for (Apache waits for a writer of the FIFO)."""
    assert tux.get(target).status in REFUSED


def test_mode_bits(tux_kind: str, start: Start) -> None:
    """A file must be readable by others; mode_forbidden shuts more out."""
    with start(tux_kind, mode_forbidden=0o111) as served:
        assert served.get("/private.txt").status == 403
        assert served.get("/program.txt").status == 403
        assert served.get("/hello.txt").body == HELLO
    with start(tux_kind, mode_allowed=0o040) as served:
        assert served.get("/private.txt").status in {200, 403}  # the inode check comes as well
        assert served.get("/hello.txt").body == HELLO


def test_a_closed_file_is_served_to_nobody(tux: Served) -> None:
    for target in ("/forbidden.txt", "/private.txt", "/closed/file.txt"):
        for method in ("GET", "HEAD"):
            assert tux.get(target, method=method).status == 403


@pytest.mark.parametrize("length", [255, 256, 1000, 2900])
def test_long_names(server: Served, length: int) -> None:
    assert server.get("/" + "n" * length).status in {403, 404, 414}


@pytest.mark.parametrize("depth", [100, 1000])
def test_deep_names(server: Served, depth: int) -> None:
    assert server.get("/d" * depth).status in {403, 404, 414}


@pytest.mark.parametrize("host", VIRTUAL_HOSTS)
@pytest.mark.parametrize("form", ["{}", "{}:80", "{}:8080", "{}."])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_virtual_hosts(
    tux_kind: str, start: Start, host: str, form: str, case: Callable[[str], str]
) -> None:
    """RFC 9110 4.2.3: the host is case-insensitive and does not include the port."""
    with start(tux_kind, virtual_server=1) as served:
        name = form.format(case(host))
        reply = served.ask(request("/who.txt", host=name))
        assert (reply.status, reply.body) == (200, host.encode())
        assert served.ask(request("/", host=name)).body == content(f"{host}/index.html")


def test_virtual_hosts_on_one_connection(tux_kind: str, start: Start) -> None:
    with start(tux_kind, virtual_server=1) as served, served.connect() as connection:
        for host in (*VIRTUAL_HOSTS, *reversed(VIRTUAL_HOSTS)):
            connection.send(request("/who.txt", host=host))
            assert connection.read_reply().body == host.encode()


def test_absolute_form_names_the_host(tux_kind: str, start: Start) -> None:
    """RFC 9112 3.2.2: the target's host goes before the field's."""
    with start(tux_kind, virtual_server=1) as served:
        reply = served.ask(request("http://two.example/who.txt", host="one.example"))
        assert reply.body == b"two.example"


NO_HOSTS = (
    *("hello.txt", "HELLO.TXT", "hello.txt.", "hello.txt:80", "index.html", "inside.txt", "loop"),
    *("dangling", "fifo", "socket", "forbidden.txt", "private.txt", "escape.txt", "whole"),
    *("noextension", "closed.", "%68ello.txt"),
)


def test_only_directories_are_hosts(tux_kind: str, start: Start) -> None:
    """What lies beside the hosts' directories is nobody's: not one byte of it is sent."""
    targets = ("/", "//", "/index.html", "/?x", "http://{}/", "http://{}?x")
    with start(tux_kind, virtual_server=1) as served:
        for host in NO_HOSTS:
            for target in targets:
                reply = served.ask(request(target.format(host), host=host))
                found = (reply.status, reply.body)
                right = found == (200, content("default/index.html")) or found[0] in REFUSED
                assert right, (host, target, found)


def test_without_a_default_there_is_nothing(start: Start, place: Path) -> None:
    """A file of the default host's name is none either."""
    (place / "default").write_bytes(OUTSIDE)
    (place / "one.example").mkdir()
    (place / "one.example" / "index.html").write_bytes(HELLO)
    with start("tux", virtual_server=1, documentroot=place) as served:
        assert served.ask(request("/", host="one.example")).body == HELLO
        for host in ("default", "unknown", "", "[::1]"):
            assert served.ask(request("/", host=host)).status == 404


@pytest.mark.parametrize(
    "host",
    [
        *("unknown.example", "..", ".", "", "...", "%2e%2e", "one.example..", ".one.example"),
        *("a" * 200, "dir", "127.0.0.1", "[::1]", "[::1]:80", "escape-dir", "noindex"),
    ],
)
def test_unknown_hosts_get_the_default(tux_kind: str, start: Start, host: str) -> None:
    """Or nothing; never what lies beside the hosts' directories."""
    with start(tux_kind, virtual_server=1) as served:
        reply = served.ask(request("/who.txt", host=host))
        assert (reply.status, reply.body) == (200, b"default") or reply.status in REFUSED
        assert served.ask(request("/../hello.txt", host=host)).status in REFUSED
        assert served.ask(request("/outside.txt", host=host)).status in REFUSED
