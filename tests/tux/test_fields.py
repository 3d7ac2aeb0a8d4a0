# SPDX-License-Identifier: MIT
"""Fields of replies: formats, conditions on the server's own tags, media types."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from ground import process
from tests.tux.conftest import Start
from tests.tux.documents import HELLO, LAST_MODIFIED, MODERN, SIZES, TYPED, content
from tests.tux.servers import Served, build_tux, request

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


@pytest.mark.parametrize(("years", "status"), [(-40, 200), (-1, 304), (49, 304), (51, 200)])
def test_years_of_two_digits(tux: Served, years: int, status: int) -> None:
    """RFC 9110 5.6.7: more than 50 years ahead MUST be taken for a year of the past."""
    year = time.gmtime(tux.now()).tm_year + years
    day = datetime(year, 3, 7, tzinfo=UTC).strftime("%A, %d-%b-%y 00:00:00 GMT")
    assert tux.get("/hello.txt", f"If-Modified-Since: {day}").status == status


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


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    ("values", "named"),
    [
        (('"x"', "{}"), True),
        (("{}", '"x"'), True),
        (('"x", "y"', '"z"', '"a", {}'), True),
        (('"x"', "W/{}"), None),
        (("", "{}"), True),
        (('"x"', ""), False),
        (('"x"', '"y"', '"z"'), False),
    ],
)
@pytest.mark.parametrize("between", [(), ("If-None-Matches: {}", "If-Matc: {}", "X: a:b")])
def test_lists_on_several_lines(
    tux: Served, name: str, values: tuple[str, ...], named: bool | None, between: tuple[str, ...]
) -> None:
    """RFC 9110 5.3: one list, wherever its lines are (nginx refuses what it should combine)."""
    tag = tux.get("/hello.txt").get("etag") or ""
    lines = [f"{name}: {value.format(tag)}" for value in values]
    for other in between:
        lines[1:1] = [other.format(tag)]
    status = tux.get("/hello.txt", *lines).status
    if named is None:  # a weak tag: no match for If-Match
        assert status == (412 if name == "If-Match" else 304)
    else:
        assert status == {("If-Match", False): 412, ("If-None-Match", True): 304}.get(
            (name, named), 200
        )


@pytest.mark.parametrize(
    "pattern", ['"x", {}', "{}, {}", "{},", ", {}", "{} {}", "*", '"', "", "W/{}", "x{}", "{}x"]
)
def test_if_range_names_one_tag(tux: Served, pattern: str) -> None:
    """RFC 9110 13.1.5: one tag, or a date; else the whole file, as nginx does."""
    tag = tux.get("/hello.txt").get("etag")
    reply = tux.get("/hello.txt", "Range: bytes=0-9", "If-Range: " + pattern.format(tag, tag))
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


NASTY = "\\evil.example"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        (f"/{NASTY}", "/%5Cevil.example/"),
        (f"//{NASTY}?a=b", "/%5Cevil.example/?a=b"),
        ("/%5Cevil.example", "/%5Cevil.example/"),
        (f"/{NASTY}/%5c", "/%5Cevil.example/%5c/"),
        ("///dir", "/dir/"),
    ],
)
def test_a_redirection_stays_here(start: Start, target: str, location: str, place: Path) -> None:
    """Browsers take a backslash for a slash: ``/\\host`` would be another host."""
    (place / NASTY / "\\").mkdir(parents=True)
    (place / "dir").mkdir()
    with start("tux", documentroot=place) as served:
        reply = served.get(target)
        assert (reply.status, reply.get("location")) == (301, location)


def write(path: Path, data: bytes, *, age_s: float) -> Path:
    """A file that was modified so many seconds ago."""
    path.write_bytes(data)
    path.chmod(0o644)
    moment = time.time() - age_s
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize("ahead_s", [3, 7200, 34_000_000])
def test_last_modified_is_never_later_than_date(start: Start, place: Path, ahead_s: float) -> None:
    """RFC 9110 8.8.2.1: MUST NOT (nginx and Apache do)."""
    write(place / "soon.txt", b"soon", age_s=-ahead_s)
    with start("tux", documentroot=place) as served:
        replies = [
            served.get("/soon.txt"),
            served.get("/soon.txt", method="HEAD"),
            served.get("/soon.txt", "Range: bytes=0-1"),
            served.get("/soon.txt", "If-None-Match: *"),
        ]
    assert [reply.status for reply in replies] == [200, 200, 206, 304]
    for reply in replies:
        assert reply.get("last-modified") == reply.get("date")


def test_a_tag_is_weak_while_the_file_may_change_unseen(start: Start, place: Path) -> None:
    """RFC 9110 8.8.1: two writes of one size within a tick of the clock have no strong tag in
    common, and who has the first content gets the second one once the time is over."""
    path = place / "page.txt"
    with start("tux", documentroot=place) as served:
        write(path, b"first", age_s=0)
        moment = path.stat().st_mtime_ns
        first = served.get("/page.txt")
        path.write_bytes(b"other")
        os.utime(path, ns=(moment, moment))
        other = served.get("/page.txt")
        assert (first.body, other.body) == (b"first", b"other")
        tags = [reply.get("etag") or "" for reply in (first, other)]
        assert all(tag.startswith("W/") for tag in tags)
        recent = served.get("/page.txt", f"If-Range: {tags[1]}", "Range: bytes=0-1")
        assert recent.status == 200
        assert served.get("/page.txt", f"If-Range: {tags[1][2:]}", "Range: bytes=0-1").status == 200
        assert served.get("/page.txt", f"If-Match: {tags[1]}").status == 412
        assert served.get("/page.txt", f"If-Match: {tags[1][2:]}").status == 412
        assert served.get("/page.txt", "If-Match: *").status == 200
        os.utime(path, (moment / 1e9 - 10, moment / 1e9 - 10))
        settled = served.get("/page.txt").get("etag") or ""
        assert not settled.startswith("W/")
        os.utime(path, ns=(moment, moment))
        while (tag := served.get("/page.txt").get("etag") or "").startswith("W/"):
            assert time.time() < moment / 1e9 + 10
            time.sleep(0.2)
        reply = served.get("/page.txt", f"If-None-Match: {tags[0]}")
        assert (reply.status, reply.body) == (200, b"other")
        assert served.get("/page.txt", f"If-None-Match: {tag}").status == 304


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a file system that keeps any time and any size."""
    with tempfile.TemporaryDirectory(prefix="tux-tests-", dir="/dev/shm") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("modified", [2**63 - 1, 2**62, 2**32, -1, -(2**62)])
@pytest.mark.parametrize("size", [0, 2**32, 2**63 - 4097])
def test_extreme_times_and_sizes(start: Start, memory: Path, modified: int, size: int) -> None:
    """Whoever owns a file chooses them: the longest tag has room, and nothing overflows."""
    path = memory / "odd.bin"
    path.touch()
    os.truncate(path, size)
    path.chmod(0o644)
    os.utime(path, (0, modified))
    with start("tux", documentroot=memory) as served:
        head = served.get("/odd.bin", method="HEAD")
        part = served.get("/odd.bin", "Range: bytes=-5")
        tag = head.get("etag") or ""
        known = served.get("/odd.bin", f"If-None-Match: {tag}")
    assert head.get("content-length") == str(size)
    assert part.body == bytes(min(size, 5))
    assert part.get("etag") == tag
    assert known.status == 304
    assert tag.startswith("W/") == (modified > 0)


def test_the_longest_header_has_room(start: Start, memory: Path) -> None:
    """Every part of it as long as it can be: type, charset, range, length, tag, age."""
    size, subtype = 2**59 - 1, "x" * 95  # larger files have ranges that are not told apart
    path = memory / "odd.longestname"
    path.touch()
    os.truncate(path, size)
    path.chmod(0o644)
    os.utime(path, (0, 2**63 - 1))
    knobs = {"types": f"longestname=text/{subtype}", "charset": "c" * 31, "max_age": 2**31 - 1}
    with start("tux", documentroot=memory, **knobs) as served:
        fields = f"Range: bytes={size - 2}-{size - 1}", "Connection: close"
        reply = served.get("/odd.longestname", *fields)
    assert (reply.status, reply.body) == (206, bytes(2))
    assert reply.get("content-type") == f"text/{subtype}; charset={'c' * 31}"
    assert reply.get("content-range") == f"bytes {size - 2}-{size - 1}/{size}"
    assert reply.get("cache-control") == f"max-age={2**31 - 1}"


def test_mirrors_share_their_tags(start: Start, place: Path) -> None:
    """Copies of a file have one tag, and it tells nothing of the file system."""
    write(place / "one.txt", b"the same", age_s=100)
    stat = (place / "one.txt").stat()
    write(place / "two.txt", b"the same", age_s=0)
    os.utime(place / "two.txt", (stat.st_mtime, int(stat.st_mtime)))  # a mirror keeps the seconds
    with start("tux", documentroot=place) as served:
        tags = {served.get(f"/{name}.txt").get("etag") for name in ("one", "two")}
    assert len(tags) == 1
    assert f"{stat.st_ino:x}" not in (tags.pop() or "").strip('"').split("-")


@pytest.mark.parametrize(("suffix", "media_type"), MODERN.items())
def test_types_of_today(tux: Served, suffix: str, media_type: str) -> None:
    assert tux.get(f"/modern/file.{suffix}").get("content-type") == media_type


def test_types_by_a_knob(start: Start) -> None:
    """It adds types and goes before those that are known; text has the charset."""
    types = "bin=application/x-own  txt=text/x-own"
    with start("tux", types=types, charset="utf-8") as served:
        wanted = {
            "/sizes/1.bin": "application/x-own",
            "/hello.txt": "text/x-own; charset=utf-8",
            "/page.html": "text/html; charset=utf-8",
            "/image.png": "image/png",
            "/noextension": "application/octet-stream",
        }
        assert {name: served.get(name).get("content-type") for name in wanted} == wanted


@pytest.mark.parametrize(
    "knob",
    [
        *(
            {"types": text}
            for text in ("x", "x=", "=a/b", "x=a", "x=a/", "x=/b", "X=a/b", "x =a/b")
        ),
        *({"types": text} for text in ("x=a/b;c", "x=a/b\r\nY:z", f"{'x' * 12}=a/b")),
        *(
            {"types": text}
            for text in (f"x=a/{'b' * 100}", " ".join(["x=a/b"] * 65), "x=a/b,y=a/b")
        ),
        *({"charset": text} for text in ("a b", "a;b", "a\r\nX:y", "a" * 32)),
        {"types": " ".join(["x=application/a-type-of-some-length"] * 30)},
    ],
    ids=str,
)
def test_bad_types_are_refused_at_once(workplace: Path, knob: dict[str, str]) -> None:
    program = build_tux(workplace)
    ((name, value),) = knob.items()
    result = process.run([program, f"{name}={value}"], check=False, timeout_s=60)
    assert result.returncode == 2
    assert "Invalid argument" in result.stderr


@pytest.mark.parametrize("target", ["//evil.example/..%2f", "/%0d%0aX-Injected:%20yes"])
def test_redirects_are_not_steered(server: Served, target: str) -> None:
    """Neither another host nor a line break gets into Location."""
    reply = server.get(target)
    assert reply.get("x-injected") is None
    location = reply.get("location") or "/"
    assert not location.startswith("//")
    assert "evil.example" not in location.split("/")[:3]
