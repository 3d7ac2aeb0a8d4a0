# SPDX-License-Identifier: MIT
"""Many connections at once, and a fixed conversation whose bytes can be compared."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from tests.servers.clients import PATIENCE_S, exchange_raw
from tests.servers.running import Server

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

SIZES = (b"0.bin", b"1.bin", b"4096.bin", b"8193.bin", b"1000000.bin")

CONVERSATION: tuple[tuple[bytes, ...], ...] = (
    (LAST % b"page.html",),
    (*[GET % name for name in SIZES], LAST % b"1.bin"),
    (GET % b"missing", GET % b"private.txt", LAST % b"fifo"),
    (b"HEAD /4097.bin HTTP/1.1\r\nHost: x\r\n\r\n", LAST % b"with%20index"),
    (GET % b"plain/", LAST % b"with%20index/"),
    (b"GET /50000.bin HT", b"TP/1.0\r\nX: y\r", b"\n\r\n"),
    (b"GET /../secret.txt HTTP/1.1\r\nHost: x\r\n\r\n",),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",),
    (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",),
    (b"GET /" + b"u" * 9000 + b" HTTP/1.1\r\n\r\n",),
    (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3000 + b"\r\n",),
    (b"nonsense\r\n\r\n",),
)


def converse(server: Server) -> list[bytes]:
    """What the server answers to each part of the conversation; dates are left out."""
    return [
        re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: -", exchange_raw(server.port, part))
        for part in CONVERSATION
    ]


async def _fetch_all(port: int, names: Sequence[str], start: asyncio.Event) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await start.wait()
    bodies = []
    for name in names:
        writer.write(GET % name.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length
        bodies.append(await reader.readexactly(int(length[1])))
    writer.close()
    return bodies


async def _run_clients(port: int, plans: Sequence[Sequence[str]]) -> list[list[bytes]]:
    start = asyncio.Event()
    tasks = [asyncio.create_task(_fetch_all(port, plan, start)) for plan in plans]
    await asyncio.sleep(0.1)  # most are connected before any of them asks
    start.set()
    return await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S * 5)


def load_server(server: Server, connections: int, rounds: int) -> int:
    """Fetch files on ``connections`` connections at once, ``rounds`` on each, and compare every
    byte with the disk.  Returns how many requests were made."""
    names = sorted(path.name for path in server.root.glob("*.bin") if path.stat().st_size < 10**5)
    plans = [
        [names[(client + turn) % len(names)] for turn in range(rounds)]
        for client in range(connections)
    ]
    contents = {name: Path(server.root / name).read_bytes() for name in names}
    for plan, bodies in zip(plans, asyncio.run(_run_clients(server.port, plans)), strict=True):
        assert bodies == [contents[name] for name in plan]
    return connections * rounds
