# SPDX-License-Identifier: MIT
"""Fields of replies: formats, conditions on the server's own tags, media types."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from tests.tux.documents import HELLO, LAST_MODIFIED, SIZES, TYPED, content
from tests.tux.servers import Served, request

# RFC 9110 15.4.5: a 304 carries what a 200 would of these.
VALIDATORS = ("etag", "cache-control", "content-location", "expires", "vary")


@pytest.mark.parametrize("size", SIZES)
def test_body_is_the_file(server: Served, size: int) -> None:
    name = f"sizes/{size}.bin"
    reply = server.get(f"/{name}")
    assert reply.status == 200
    assert reply.get("content-length") == str(size)
    assert reply.body == content(name, size)


@pytest.mark.parametrize("size", SIZES)
def test_head_is_get_without_the_body(server: Served, size: int) -> None:
    """RFC 9110 9.3.2: the same fields; some MAY be left out (Apache, of an empty file)."""
    full = server.get(f"/sizes/{size}.bin")
    head = server.get(f"/sizes/{size}.bin", method="HEAD")
    assert head.status == full.status
    fields = [[f for f in reply.fields if f[0] != "date"] for reply in (head, full)]
    if server.is_tux:
        assert fields[0] == fields[1]
    else:
        assert set(fields[0]) <= {*fields[1], ("accept-ranges", "bytes")}


@pytest.mark.parametrize(("name", "media_type"), TYPED.items())
def test_media_type(server: Served, name: str, media_type: str | None) -> None:
    found = (server.get(f"/{name}").get("content-type") or "").split(";")[0]
    if media_type is None:
        options = {"script.js": {"text/javascript", "application/javascript"}}
        assert found in options.get(name, {"text/xml", "application/xml"})
    elif server.name == "apache" and name == "bytes.bin":
        assert found in {"", media_type}
    else:
        assert found == media_type


def test_date_is_now(server: Served) -> None:
    date = server.get("/hello.txt").get("date")
    assert date is not None
    assert abs(parsedate_to_datetime(date).timestamp() - server.now()) <= 3


def test_date_moves_on(server: Served) -> None:
    """A cached Date is renewed each second."""
    first = server.get("/hello.txt").get("date")
    time.sleep(1.1)
    assert server.get("/hello.txt").get("date") != first


def test_last_modified(server: Served) -> None:
    assert server.get("/hello.txt").get("last-modified") == LAST_MODIFIED


@pytest.mark.parametrize(
    ("pattern", "status"),
    [
        ("{}", 304),
        ('"other", {}', 304),
        ('{}, "other"', 304),
        ('"other",{},"more"', 304),
        (" {} ", 304),
        ("W/{}", 304),
        ('"x{}', 200),
        ("{}x", None),
    ],
)
def test_if_none_match_own_tag(server: Served, pattern: str, status: int | None) -> None:
    """RFC 9110 13.1.2: weak comparison against each member of the list."""
    full = server.get("/hello.txt")
    tag = full.get("etag")
    assert tag
    reply = server.get("/hello.txt", "If-None-Match: " + pattern.format(tag))
    assert reply.status in ({status} if status else {200, 304, 400})
    if reply.status == 304:
        for name in VALIDATORS:
            assert reply.get(name) == full.get(name)


def test_if_none_match_goes_before_if_modified_since(tux: Served) -> None:
    """RFC 9110 13.2.2: the tag alone decides (nginx and Apache want both to match)."""
    tag = tux.get("/hello.txt").get("etag")
    old = "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"
    assert tux.get("/hello.txt", f"If-None-Match: {tag}", old).status == 304


def test_if_range_own_tag(server: Served) -> None:
    tag = server.get("/hello.txt").get("etag")
    reply = server.get("/hello.txt", "Range: bytes=0-9", f"If-Range: {tag}")
    if tag and tag.startswith("W/"):  # RFC 9110 13.1.5: a weak tag never matches
        assert reply.status == 200
    else:
        assert (reply.status, reply.body) == (206, HELLO[:10])


def test_if_range_weak_tag(tux: Served) -> None:
    """RFC 9110 13.1.5: the strong comparison, so the whole file."""
    tag = tux.get("/hello.txt").get("etag")
    reply = tux.get("/hello.txt", "Range: bytes=0-9", f"If-Range: W/{tag}")
    assert (reply.status, reply.body) == (200, HELLO)


def test_tags_tell_files_apart(server: Served) -> None:
    tags = [server.get(f"/sizes/{size}.bin").get("etag") for size in SIZES]
    assert len(set(tags)) == len(tags)


def test_tag_is_stable(server: Served) -> None:
    assert len({server.get("/hello.txt").get("etag") for _ in range(5)}) == 1


def test_cache_control_is_well_formed(server: Served) -> None:
    value = server.get("/hello.txt").get("cache-control")
    if server.is_tux:
        assert value, "generate_cache_control is on by default"
    for directive in (value or "public").split(","):
        name, _, argument = directive.strip().partition("=")
        assert name.replace("-", "").isalpha()
        assert not argument or argument.isdigit()


def test_unsatisfiable_range_names_the_length(tux: Served) -> None:
    """RFC 9110 15.5.17 (SHOULD; Apache does not)."""
    reply = tux.get("/sizes/1024.bin", "Range: bytes=5000-")
    assert (reply.status, reply.get("content-range")) == (416, "bytes */1024")


@pytest.mark.parametrize("size", [1, 2, 4095, 4096, 4097, 8193, (1 << 20) + 1])
def test_ranges_at_every_edge(server: Served, size: int) -> None:
    """Each range around the borders of pages gives exactly these bytes of the file."""
    name = f"sizes/{size}.bin"
    data = content(name, size)
    borders = {0, 1, size // 2, size - 1, *range(4094, 4099), 8191, 8192, 65536}
    edges = sorted(borders & {*range(size)})
    with server.connect() as connection:
        for first in edges:
            for last in edges:
                if last < first:
                    continue
                connection.send(request(f"/{name}", f"Range: bytes={first}-{last}"))
                reply = connection.read_reply()
                assert reply.status == 206
                assert reply.get("content-range") == f"bytes {first}-{last}/{size}"
                assert reply.body == data[first : last + 1]


@pytest.mark.parametrize("target", ["/missing", "/forbidden.txt", "/dir", "/noindex/"])
def test_errors_describe_their_body(server: Served, target: str) -> None:
    """Framing of constant replies: a length, and the connection stays in step."""
    with server.connect() as connection:
        for _ in range(3):
            connection.send(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            reply = connection.read_reply()
            assert reply.status in {301, 403, 404}
            if reply.says_close:
                assert connection.read_to_end() == b""
                return


def test_405_lists_the_methods(tux: Served) -> None:
    """RFC 9110 15.5.6: MUST (nginx does not)."""
    reply = tux.get("/hello.txt", method="POST")
    allowed = {name.strip() for name in (reply.get("allow") or "").split(",")}
    assert allowed == {"GET", "HEAD"}


def test_redirect_keeps_the_query(tux: Served) -> None:
    location = tux.get("/dir?x=1&y=2").get("location")
    assert location is not None
    assert location.endswith("/dir/?x=1&y=2")


@pytest.mark.parametrize("target", ["//evil.example/..%2f", "/%0d%0aX-Injected:%20yes"])
def test_redirects_are_not_steered(server: Served, target: str) -> None:
    """Neither another host nor a line break gets into Location."""
    reply = server.get(target)
    assert reply.get("x-injected") is None
    location = reply.get("location") or "/"
    assert not location.startswith("//")
    assert "evil.example" not in location.split("/")[:3]
