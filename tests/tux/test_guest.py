# SPDX-License-Identifier: MIT
"""What only a kernel shows: hand-over to another server, memory after a million requests,
unloading under load, connections on the wire; and that the harness itself can fail."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tux.conftest import Start
from tests.tux.documents import HELLO, content
from tests.tux.guest import DOCUMENTS, load_module, read_slabs
from tests.tux.hostile import under_attack
from tests.tux.machine import COMPLAINT, GuestError, Machine
from tests.tux.network import FORGED, HOST_ADDRESSES
from tests.tux.servers import READY_S, Served, request
from tests.tux.test_life import load

NGINX = (
    "daemon on; pid /run/t.pid; error_log /run/t.err; events {} http { access_log off; "
    "client_body_temp_path /run/t1; proxy_temp_path /run/t2; fastcgi_temp_path /run/t3; "
    "uwsgi_temp_path /run/t4; scgi_temp_path /run/t5; "
    "server { listen 8080; root /srv/docs; error_page 404 =404 /page.html; } }"
)
BATCH = 100
SLAB_GROWTH_MAX = 1000  # objects of any one cache; a leak of one a request would be a million


@contextmanager
def neighbour(machine: Machine) -> Iterator[None]:
    """nginx in the guest, on clientport."""
    machine.run(f"echo '{NGINX}' > /run/t.conf && nginx -e /run/t.err -c /run/t.conf")
    try:
        yield
    finally:
        machine.run("kill $(cat /run/t.pid)")


def find_machine(served: Served) -> Machine:
    """The guest of ``served``."""
    assert served.machine is not None
    return served.machine


def test_irregular_requests_go_to_the_neighbour(kernel_kind: str, start: Start) -> None:
    """It gets the connection with the request unread, and whatever comes after it."""
    with start(kernel_kind, clientport=8080) as served, neighbour(find_machine(served)):
        for data, status in (
            (request("/missing"), 404),
            (request("/hello.txt", method="POST"), 405),
            (b"nonsense\r\n\r\n", 400),
        ):
            with served.connect() as connection:
                connection.send(data)
                reply = connection.read_reply()
                assert reply.status == status
                assert (reply.get("server") or "").startswith("nginx")
        with served.connect() as connection:
            connection.send(request("/hello.txt") + request("/missing") + request("/hello.txt"))
            servers = [connection.read_reply().get("server") or "" for _ in range(3)]
        assert [name.split("/")[0] for name in servers] == ["TUX", "nginx", "nginx"]
        assert served.get("/hello.txt").body == HELLO
        assert served.read_stat()["event.handed_over"] >= 4
        served.assert_idle()


def test_without_a_neighbour_the_reply_is_constant(kernel_kind: str, start: Start) -> None:
    with start(kernel_kind, clientport=8080) as served:
        reply = served.get("/missing")
        assert (reply.status, reply.get("server")) == (404, "TUX")


def test_unload_under_load(kernel_kind: str, start: Start) -> None:
    """The module goes while clients ask, comes back, and serves."""
    with start(kernel_kind) as served:
        machine = find_machine(served)
        knobs = machine.run("cd /proc/sys/net/tux && grep -H . documentroot clientport threads")
        with load(served) as failures:
            for _ in range(3):
                machine.run("rmmod tux")
                load_module(machine)
                for line in knobs.splitlines():
                    name, value = line.split(":", 1)
                    machine.run(f"echo {value} > /proc/sys/net/tux/{name}")
                served.control(1)
                assert served.get("/hello.txt").body == HELLO
        assert not failures, failures[0]
        served.assert_idle()


def ask_batches(served: Served, batches: int, failures: list[str]) -> None:
    """``batches`` times 100 requests: pipelined, and every tenth time on new connections."""
    size = len(HELLO)
    for number in range(batches):
        if number % 10 == 9:
            for _ in range(BATCH):
                if served.get("/hello.txt", "Connection: close").body != HELLO:
                    failures.append("wrong bytes")
            continue
        with served.connect() as connection:
            connection.send(request("/hello.txt") * (BATCH - 1))
            connection.send(request("/hello.txt", "Connection: close"))
            data = connection.read_to_end()
            if data.count(HELLO) != BATCH or len(data) < BATCH * size:
                failures.append("wrong bytes")


@pytest.mark.deep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("requests", [1_000_000])
def test_memory_after_many_requests(kernel_kind: str, start: Start, requests: int) -> None:
    """Slab use is where it was."""
    if kernel_kind == "tux-debug":
        requests //= 50
    with start(kernel_kind) as served:
        machine, failures = find_machine(served), list[str]()
        ask_batches(served, 100, failures)  # caches are warm
        served.assert_idle()
        before, done = read_slabs(machine), served.read_stat()["replies.2xx"]
        threads = [
            threading.Thread(target=ask_batches, args=(served, requests // BATCH // 2, failures))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[0]
        served.assert_idle()
        assert served.read_stat()["replies.2xx"] - done == requests
        after = read_slabs(machine)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert not {name: n for name, n in grown.items() if n > SLAB_GROWTH_MAX}


def is_flooded(served: Served) -> bool:
    """Whether TCP has no room for handshakes any more, or admission keeps SYNs."""
    line = "awk '/^TcpExt/ && seen++ { print $2 }' /proc/net/netstat"  # SyncookiesSent
    cookies = int(find_machine(served).run(line))
    return bool(cookies or served.read_stat().get("admission.held"))


def test_a_flood_of_syns_stops_nobody(kernel_kind: str, start: Start, tmp_path: Path) -> None:
    """From addresses that never answer, more than the queue of handshakes holds: honest clients
    are served, by cookies, or as SYNs that wait for their turn (admission)."""
    with start(kernel_kind) as served:
        find_machine(served).run(f"ip route replace {FORGED} via {HOST_ADDRESSES[0]}")
        with under_attack(served, "flood-syns", tmp_path / "attack"):
            deadline = time.monotonic() + READY_S
            while not is_flooded(served):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            for _ in range(20):
                assert served.get("/hello.txt", "Connection: close").body == HELLO
        served.assert_idle()


def test_a_client_whose_address_is_gone(kernel_kind: str, start: Start) -> None:
    """Nothing answers any more, not even with a reset: the timeout ends the request."""
    with start(kernel_kind, header_timeout=1, output_timeout=1, keepalive_timeout=1) as served:
        network = find_machine(served).network
        address = HOST_ADDRESSES[-1]
        one = served.make_socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the reply does not end
        one.bind((address, 0))
        one.settimeout(20)
        one.connect(served.address)
        one.sendall(request(f"/sizes/{3 * (1 << 20) + 7}.bin"))
        one.recv(1000)
        with network.without_address(address):
            served.assert_idle()
        one.close()
        assert served.get("/hello.txt").body == HELLO


def test_the_end_of_a_reply_is_sent_again(kernel_kind: str, start: Start) -> None:
    """What is lost after the server has closed the connection comes all the same."""
    size = 2 * 4096 + 1
    with start(kernel_kind, max_output_bandwidth=4096) as served:
        network = find_machine(served).network
        address = HOST_ADDRESSES[1]
        with served.make_socket() as one:
            one.settimeout(60)
            one.bind((address, 0))
            one.connect(served.address)
            one.sendall(request(f"/sizes/{size}.bin", "Connection: close"))
            answer = one.recv(1 << 16)
            with network.without_address(address):
                served.assert_idle()  # all is sent, and the connection closed
            while more := one.recv(1 << 16):
                answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == content(f"sizes/{size}.bin", size)


def test_a_file_that_shrinks(kernel_kind: str, start: Start) -> None:
    """The reply is cut within the page in which the file now ends; no zero is sent for a byte."""
    size, kept, path = 3 * 4096 + 4000, 3 * 4096 + 1000, f"{DOCUMENTS}/shrink.bin"
    with start(kernel_kind, max_output_bandwidth=4096) as served:
        machine = find_machine(served)
        machine.run(f"tr '\\0' x < /dev/zero | head -c {size} > {path} && chmod 644 {path}")
        with served.connect() as connection:
            connection.send(request("/shrink.bin"))
            answer = connection.socket.recv(1 << 16)
            machine.run(f"dd if=/dev/null of={path} bs=1 seek={kept} 2> /dev/null")
            answer += connection.read_to_end()
        machine.run(f"rm {path}")
        body = answer.partition(b"\r\n\r\n")[2]
        assert len(body) < size
        assert set(body) == {ord("x")}


def test_the_harness_sees_a_complaint(kernel_kind: str, start: Start) -> None:
    with start(kernel_kind) as served:
        machine = find_machine(served)
        machine.run("echo 'BUG: a test of the harness' > /dev/kmsg")
        deadline = time.monotonic() + READY_S
        while not machine.read_complaints():
            assert time.monotonic() < deadline, machine.console[-3000:]
            time.sleep(0.1)
        with pytest.raises(GuestError, match="ended with 3"):
            machine.run("exit 3")
        with pytest.raises(GuestError, match="no answer"):
            machine.run("sleep 10", timeout_s=0.5)
        assert machine.run("echo still here") == "still here\n"


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("BUG: KASAN: use-after-free in kfree_req+0x12/0x80 [tux]", True),
        ("WARNING: possible circular locking dependency detected", True),
        ("UBSAN: array-index-out-of-bounds in net/tux/parse.c:100:3", True),
        ("BUG: sleeping function called from invalid context at mm/slab.h:420", True),
        ("kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", True),
        ("INFO: task tux/0:123 blocked for more than 120 seconds.", True),
        ("tux: loading out-of-tree module taints kernel.", False),
        ("random: crng init done", False),
        ("TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.", False),
    ],
)
def test_what_counts_as_a_complaint(line: str, counts: bool) -> None:
    assert bool(COMPLAINT.search(line)) is counts
