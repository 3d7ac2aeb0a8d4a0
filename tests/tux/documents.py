# SPDX-License-Identifier: MIT
"""The documents that every server in these tests serves: content is a function of the name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from ground.seeds import derive_bytes

MTIME = 1_136_073_600 + 12_345  # 2006-01-01 03:25:45 GMT
LAST_MODIFIED = "Sun, 01 Jan 2006 03:25:45 GMT"
BEFORE = "Sun, 01 Jan 2006 03:25:44 GMT"
AFTER = "Sun, 01 Jan 2006 03:25:46 GMT"

PAGE = 4096
SIZES = (
    *(0, 1, 2, 100, 1023, 1024, 1025, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 2 * PAGE),
    *(2 * PAGE + 1, 10 * 1024, 16 * PAGE - 1, 16 * PAGE, 16 * PAGE + 1, 17 * PAGE + 5),
    *((1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 * (1 << 20) + 7),
)
TYPED = {
    "page.html": "text/html",
    "style.css": "text/css",
    "plain.txt": "text/plain",
    "data.json": "application/json",
    "feed.xml": None,  # text/xml or application/xml: both are registered
    "image.png": "image/png",
    "image.jpg": "image/jpeg",
    "image.jpeg": "image/jpeg",
    "image.gif": "image/gif",
    "image.svg": "image/svg+xml",
    "doc.pdf": "application/pdf",
    "script.js": None,  # text/javascript (RFC 9239) or the older application/javascript
    "bytes.bin": "application/octet-stream",
    "UPPER.HTML": "text/html",  # suffixes are compared without case by Apache and nginx
    "two.tar.gz.html": "text/html",
}
MODERN = {
    "aac": "audio/aac",
    "atom": "application/atom+xml",
    "eot": "application/vnd.ms-fontobject",
    "flac": "audio/flac",
    "jxl": "image/jxl",
    "m3u8": "application/vnd.apple.mpegurl",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "rss": "application/rss+xml",
    "vtt": "text/vtt",
    "webmanifest": "application/manifest+json",
    "unheardofsuffix": "application/octet-stream",
}
ODD_NAMES = (
    *("with space.txt", "per%cent.txt", "a+b.txt", "semi;colon.txt", "quest?ion.txt"),
    *("hash#mark.txt", "tilde~.txt", "ünïcode.txt", "..dots.txt", "...", ".hidden", "a&b=c.txt"),
)
VIRTUAL_HOSTS = ("one.example", "two.example")
OUTSIDE = b"this lies outside of the document root\n"


def content(name: str, size: int = 100) -> bytes:
    """The bytes of the document ``name``."""
    return derive_bytes(2006, name, size)


HELLO = content("hello.txt")


def write_documents(place: Path) -> Path:
    """Write the tree below ``place`` and return the document root, ``place``/docs.

    Beside it lie files that no request may reach: outside.txt and outside/index.html.
    """
    root = place / "docs"
    for size in SIZES:
        _write(root / f"sizes/{size}.bin", content(f"sizes/{size}.bin", size))
    for name in ("hello.txt", *TYPED, *ODD_NAMES, "noextension"):
        _write(root / name, content(name))
    for name in ("index.html", "dir/index.html", "dir/sub/index.html", "dir.d/index.html"):
        _write(root / name, content(name))
    _write(root / "dir/file.txt", content("dir/file.txt"))
    _write(root / "forbidden.txt", content("forbidden.txt"))
    (root / "forbidden.txt").chmod(0)
    _write(root / "closed/file.txt", content("closed/file.txt"))
    for suffix in MODERN:
        _write(root / f"modern/file.{suffix}", content(suffix))
    (root / "noindex").mkdir()
    for host in (*VIRTUAL_HOSTS, "default"):
        _write(root / host / "index.html", content(f"{host}/index.html"))
        _write(root / host / "who.txt", host.encode())
    _write(place / "outside.txt", OUTSIDE)
    _write(place / "outside/index.html", OUTSIDE)
    _write(root / "deep" / "/".join("abcdefgh") / "leaf.txt", content("leaf.txt"))
    _write(root / "private.txt", content("private.txt"))
    (root / "private.txt").chmod(0o640)
    _write(root / "program.txt", content("program.txt"))
    (root / "program.txt").chmod(0o755)
    (root / "inside.txt").symlink_to("hello.txt")
    (root / "escape.txt").symlink_to(place / "outside.txt")
    (root / "escape-relative.txt").symlink_to("../outside.txt")
    (root / "escape-dir").symlink_to("../outside")
    (root / "whole").symlink_to(".")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nothing")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (root / "closed").chmod(0)
    return root


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o644)
    os.utime(path, (MTIME, MTIME))
