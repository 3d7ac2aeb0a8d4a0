# SPDX-License-Identifier: MIT
"""The jobs given to the guests: shell text, a pure function of the experiment.

The server is set up as its platform says.  All that the platform leaves open, and the clients,
as a good administrator of the paper's testbed would do it: queues and ports so large that the
only thing that can run out is the server's time.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise

from ground.seeds import generator
from testbed.experiment import Ab, Experiment, Httperf, Netperf
from testbed.guest_network import NETWORK_FILES
from testbed.platform import Platform, list_sysctls
from testbed.regions import write_account, write_marking, write_snapshots, write_walk
from testbed.servers import ServerDescription
from testbed.slab import write_slab_account

SMALL_FILES = 64  # f0 .. f63 of 1 KiB each in the document root
SINGLE_FILES = {"100": "100b", "10k": "10k", "100k": "100k"}
DONE_PORT = 7000  # plus the client's number: the client says there that its load is over
NETPERF_DATA_PORT = 12_866
AB_START_MS = 8
RATE_GUESS = 12_000  # requests/s, to weigh the fleet's head starts; exactness is not needed
CONTENT_CHECKS = 8  # files fetched and compared before the load

COMMON_SYSCTLS = {
    "net/core/netdev_max_backlog": "65536",
    "net/ipv4/tcp_max_orphans": "65536",
    "net/ipv4/tcp_max_tw_buckets": "262144",
    "net/ipv4/tcp_slow_start_after_idle": "0",
    "net/ipv4/tcp_no_metrics_save": "1",  # no connection inherits the fate of an earlier one
    "fs/file-max": "400000",
    "fs/nr_open": "1048576",
}
CLIENT_SYSCTLS = COMMON_SYSCTLS | {
    "net/core/somaxconn": "65535",
    "net/ipv4/tcp_max_syn_backlog": "65536",
    "net/ipv4/ip_local_port_range": "1024 65535",
    "net/ipv4/tcp_tw_reuse": "1",
    "net/ipv4/tcp_fin_timeout": "5",
}

PRELUDE = f"""\
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fail() {{ echo "testbed: job failed: $*"; dmesg | tail -n 20; exit 1; }}
snap() {{
  for f in {" ".join(NETWORK_FILES)}; do emit $1.$f < /proc/net/$f; done
  emit $1.uptime < /proc/uptime
}}
up() {{ # NIC ADDRESS: wait for the carrier, so that its delay lies before the lock step
  ip addr add $2/24 dev $1 && ip link set $1 up || fail "no $1"
  n=0
  until [ "$(cat /sys/class/net/$1/carrier 2>/dev/null)" = 1 ]; do
    n=$((n + 1)); [ $n -gt 60 ] && break; sleep 0.1
  done
}}
ulimit -n 200000 2>/dev/null || ulimit -n 65536
seedrng < /sys/firmware/qemu_fw_cfg/by_name/opt/testbed/entropy/raw
"""


def find_paths(experiment: Experiment) -> list[str]:
    """Paths of the files asked for, in the order of this seed."""
    load = experiment.load
    size = load.size if isinstance(load, Ab | Httperf) else "1k"
    if size in SINGLE_FILES:
        return [f"/{SINGLE_FILES[size]}"]
    order = generator(experiment.seed, "files").permutation(SMALL_FILES)
    return [f"/f{number}" for number in order]


def write_server_job(experiment: Experiment, server: ServerDescription) -> str:
    """What the server machine does: set up, start the server, wait for the clients' end."""
    clients = range(1, experiment.machines.clients + 1)
    lines = [
        PRELUDE,
        *_format_sysctls(COMMON_SYSCTLS | list_sysctls(experiment.platform)),
        *_set_priorities(experiment.platform),
        f"export LISTEN_BACKLOG={experiment.platform.backlogs.listen}",
        *(f"up eth{number - 1} 10.0.{number}.1" for number in clients),
        *_shuffle_pages(experiment),
        *write_marking(experiment),
        *(f"export {name}={value}" for name, value in sorted(experiment.server_options.items())),
        *_start_server(experiment, server),
        *_emit_content(experiment),
        *_emit_module_symbols(experiment),
        *write_walk(experiment),
        "snap before",
        "mark start",
        "mark sync",
        *write_snapshots(experiment),
        *(
            f"nc -l -p {DONE_PORT + number} < /dev/null > /dev/null & w{number}=$!"
            for number in clients
        ),
        *(f"wait $w{number}" for number in clients),
        "mark stop",
        "snap after",
        *write_account(experiment),
        *write_slab_account(),
        "emit slabinfo < /proc/slabinfo",
        "dmesg > /run/dmesg; emit dmesg < /run/dmesg",
        *_check_alive(experiment, server),
        "echo ok | emit finished",
    ]
    return "\n".join(lines) + "\n"


def write_client_job(experiment: Experiment, number: int) -> str:
    """What client ``number`` (from 1) does: its share of the load, then its account."""
    server = f"10.0.{number}.1"
    lines = [
        PRELUDE,
        *_format_sysctls(CLIENT_SYSCTLS),
        f"up eth0 10.0.{number}.2",
        "mark sync",
        f"n=0; until ping -c 1 -W 1 {server} > /dev/null 2>&1; do",
        '  n=$((n + 1)); [ $n -gt 20 ] && fail "the server does not answer"',
        "done",
        *_fetch_content(experiment, server),
        "cd /run && snap before",
        *write_load(experiment, number),
        "snap after",
        "dmesg > /run/dmesg; emit dmesg < /run/dmesg",
        "for r in report.*; do emit $r < $r; done",
        f"n=0; until echo done | nc {server} {DONE_PORT + number}; do",
        '  n=$((n + 1)); [ $n -gt 20 ] && fail "the server does not listen"; sleep 0.1',
        "done",
        "echo ok | emit finished",
    ]
    return "\n".join(lines) + "\n"


def write_load(experiment: Experiment, number: int) -> list[str]:
    """The load generators of client ``number``; each writes ``report.N``."""
    load = experiment.load
    if isinstance(load, Ab):
        return write_fleet(experiment, load, number)
    if isinstance(load, Httperf):
        return _write_httperf(experiment, load, number)
    return _write_netperf(experiment, load, number) if isinstance(load, Netperf) else [":"]


def write_fleet(experiment: Experiment, load: Ab, number: int) -> list[str]:
    """The ApacheBench processes of one client, each on another file, started one by one."""
    paths = find_paths(experiment)
    clients = experiment.machines.clients
    lines = []
    for index, (concurrency, requests) in enumerate(share_load(load)):
        if index % clients != number - 1:
            continue
        url = f"http://10.0.{number}.1{paths[index % len(paths)]}"
        lines.append(
            f"ab -q -r -s {load.timeout_s} -c {concurrency} -n {requests} {url}"
            f" > report.{index} 2>&1 &"
        )
        if load.stagger_ms:
            lines.append(f"sleep {load.stagger_ms * clients / 1000:g}")
    return [*lines, "wait"] if lines else [":"]


def share_load(load: Ab) -> list[tuple[int, int]]:
    """(concurrency, requests) of each process; both sum exactly to what was asked.

    The processes shall end together, since each that ends takes its connections with it.  Those
    that start first share the server with fewer others for a while, so they get more requests.
    """
    processes = min(load.processes, -(-load.concurrency // load.per_process))
    cuts = [load.concurrency * index // processes for index in range(processes + 1)]
    connections = [after - before for before, after in pairwise(cuts)]
    # Requests served between two starts; ab takes a while to start, on a CPU it has alone.
    step = RATE_GUESS * (load.stagger_ms + AB_START_MS) / 1000
    head_start = [0.0] * (processes + 1)
    for index in reversed(range(processes)):
        head_start[index] = head_start[index + 1] + step / (index + 1)
    common = (load.requests - step * processes) / processes
    wanted = [
        max(0.0, head_start[index] + common - connections[index]) for index in range(processes)
    ]
    spare = load.requests - load.concurrency
    total = sum(wanted) or 1.0
    requests = [
        count + int(spare * want / total) for count, want in zip(connections, wanted, strict=True)
    ]
    for index in range(load.requests - sum(requests)):
        requests[index % processes] += 1
    return list(zip(connections, requests, strict=True))


def _write_httperf(experiment: Experiment, load: Httperf, number: int) -> list[str]:
    paths = find_paths(experiment)
    total = load.processes * experiment.machines.clients
    lines = []
    for index in range((number - 1) * load.processes, number * load.processes):
        connections = load.connections * (index + 1) // total - load.connections * index // total
        lines.append(
            f"httperf --hog --client={index}/{total} --server=10.0.{number}.1 --port=80"
            f" --uri={paths[index % len(paths)]} --rate={load.rate / total:g}"
            f" --num-conns={connections} --num-calls=1 --timeout={load.timeout_s}"
            f" > report.{index} 2>&1 &"
        )
    return [*lines, "wait"]


def _write_netperf(experiment: Experiment, load: Netperf, number: int) -> list[str]:
    options = f"-P ,{NETPERF_DATA_PORT} -k THROUGHPUT,THROUGHPUT_UNITS,ELAPSED_TIME"
    if load.test in {"TCP_RR", "TCP_CRR"}:
        options += f" -r {load.request_bytes},{load.response_bytes}"
    clients = experiment.machines.clients
    return [
        *(
            f"netperf -H 10.0.{number}.1 -P 0 -t {load.test} -l {load.seconds} -- {options}"
            f" > report.{index} 2>&1 &"
            for index in range(load.streams)
            if index % clients == number - 1
        ),
        "wait",
    ]


def _format_sysctls(values: dict[str, str]) -> list[str]:
    """Each knob must exist: a misspelt one would be a silent change of the experiment."""
    return [
        f"echo {shlex.quote(value)} > /proc/sys/{name} || fail 'no sysctl {name}'"
        for name, value in values.items()
    ]


def _set_priorities(platform: Platform) -> list[str]:
    """ksoftirqd's nice value, which no kernel has a knob for."""
    nice = platform.softirq.ksoftirqd_nice
    return [f"renice -n {nice} -p $(pidof ksoftirqd/0) || fail 'no ksoftirqd'"] if nice else []


def _shuffle_pages(experiment: Experiment) -> list[str]:
    mib = experiment.machines.shuffle_mib
    if mib == 0:
        return []
    # It keeps half of its memory while it sleeps; the other half is what is allocated next.
    return [f"pageshuffle {mib} {experiment.seed} > /run/shuffle &", _wait_for("/run/shuffle")]


def _wait_for(path: str) -> str:
    return f"n=0; until [ -s {path} ]; do n=$((n + 1)); [ $n -gt 200 ] && break; sleep 0.05; done"


def _start_server(experiment: Experiment, server: ServerDescription) -> list[str]:
    if isinstance(experiment.load, Netperf):
        return ["netserver > /dev/null || fail 'netserver does not start'"]
    return [
        *server.setup,
        f"{server.start} || fail '{server.name} does not start'",
        f"n=0; until {server.ready}; do",
        f"  n=$((n + 1)); [ $n -gt 200 ] && fail '{server.name} is not ready'; sleep 0.05",
        "done",
    ]


def _check_alive(experiment: Experiment, server: ServerDescription) -> list[str]:
    """A server that died under load must not pass as a slow one."""
    if isinstance(experiment.load, Netperf):
        return []
    return [f"{server.ready} || fail '{server.name} died under load'"]


def _content_paths(experiment: Experiment) -> Sequence[str]:
    return [] if isinstance(experiment.load, Netperf) else find_paths(experiment)[:CONTENT_CHECKS]


def _emit_content(experiment: Experiment) -> list[str]:
    files = " ".join(f"/srv/www{path}" for path in _content_paths(experiment))
    return [f"cat {files} | sha256sum | emit content"] if files else []


def _emit_module_symbols(experiment: Experiment) -> list[str]:
    """Where the functions of modules lie, which only the guest knows."""
    if not experiment.instruments.profile:
        return []
    return ["grep '\\[' /proc/kallsyms | emit module-symbols"]


def _fetch_content(experiment: Experiment, server: str) -> list[str]:
    """Fetch some files and digest them: the bytes that came over the wire."""
    paths = " ".join(_content_paths(experiment))
    if not paths:
        return []
    return [f"for p in {paths}; do wget -q -O - http://{server}$p; done | sha256sum | emit content"]
