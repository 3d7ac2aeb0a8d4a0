# SPDX-License-Identifier: MIT
"""The jobs given to the guests: shell text, a pure function of the experiment.

The server is set up as its platform says.  All that the platform leaves open, and the clients,
as a good administrator of the paper's testbed would do it: queues and ports so large that the
only thing that can run out is the server's time.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from testbed.experiment import Experiment
from testbed.guest.ledger import write_naming
from testbed.guest.network import NETWORK_FILES
from testbed.guest.regions import write_account, write_marking, write_snapshots, write_walk
from testbed.guest.servers import ServerDescription
from testbed.guest.slab import write_slab_account
from testbed.hardware.platform import Platform, list_sysctls
from testbed.loads.files import find_paths

DONE_PORT = 7000  # plus the client's number: the client says there that its load is over
SHUFFLE = "/usr/lib/shuffle/shuffle.ko"
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
  until read -r carrier < /sys/class/net/$1/carrier && [ "$carrier" = 1 ]; do
    n=$((n + 1)); [ $n -gt 24 ] && break; sleep 0.25
  done 2> /dev/null
}}
ulimit -n 200000 2>/dev/null || ulimit -n 65536
seedrng < /sys/firmware/qemu_fw_cfg/by_name/opt/testbed/entropy/raw
"""


def write_server_job(experiment: Experiment, server: ServerDescription) -> str:
    """What the server machine does: set up, start the server, wait for the clients' end."""
    clients = range(1, experiment.machines.clients + 1)
    lines = [
        PRELUDE,
        *_format_sysctls(COMMON_SYSCTLS | list_sysctls(experiment.platform)),
        *_set_priorities(experiment.platform),
        f"export LISTEN_BACKLOG={experiment.platform.backlogs.listen}",
        *(f"up eth{number - 1} 10.0.{number}.1" for number in clients),
        *(_set_merging(experiment.platform, number - 1) for number in clients),
        *_shuffle_pages(experiment),
        *write_marking(experiment),
        *(f"export {name}={value}" for name, value in sorted(experiment.server_options.items())),
        *_start_server(server),
        *_emit_content(experiment),
        *_emit_module_symbols(experiment),
        *write_walk(experiment),
        *(line for number in clients for line in _listen_for_end(number)),
        *write_naming(experiment, server),
        "snap before",
        "mark start",
        "mark sync",
        *write_snapshots(experiment),
        *(f"wait $w{number}" for number in clients),
        "mark stop",
        "snap after",
        *write_account(experiment),
        *write_slab_account(),
        "emit slabinfo < /proc/slabinfo",
        "dmesg > /run/dmesg; emit dmesg < /run/dmesg",
        # A server that died under load must not pass as a slow one
        f"{server.ready} || fail '{server.name} died under load'",
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
        *experiment.load.write(experiment, number),
        "snap after",
        "dmesg > /run/dmesg; emit dmesg < /run/dmesg",
        "for r in report.*; do emit $r < $r; done",
        f"n=0; until echo done | nc {server} {DONE_PORT + number}; do",
        '  n=$((n + 1)); [ $n -gt 20 ] && fail "the server does not listen"; sleep 0.1',
        "done",
        "echo ok | emit finished",
    ]
    return "\n".join(lines) + "\n"


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


def _set_merging(platform: Platform, card: int) -> str:
    """Generic receive offload, on or off."""
    switch = "on" if platform.softirq.merge_segments else "off"
    return f"gro eth{card} {switch} || fail 'no switch for receive offload'"


def _shuffle_pages(experiment: Experiment) -> list[str]:
    mib = experiment.machines.shuffle_mib
    if mib == 0:
        return []
    # It keeps half of what it takes; the other half is what is allocated next.
    load = f"insmod {SHUFFLE} mib={mib} seed={experiment.seed}"
    return [f"{load} || fail 'pages cannot be shuffled'"]


def _listen_for_end(number: int) -> list[str]:
    """Before the lock step, so that from then on listening sockets neither come nor go."""
    port = DONE_PORT + number
    return [
        f"nc -l -p {port} < /dev/null > /dev/null & w{number}=$!",
        f"n=0; until grep -q ':{port:04X} 00000000:0000 0A' /proc/net/tcp; do",
        "  n=$((n + 1)); [ $n -gt 200 ] && fail 'nobody waits for the end'; sleep 0.05",
        "done",
    ]


def _start_server(server: ServerDescription) -> list[str]:
    return [
        *server.setup,
        f"{server.start} || fail '{server.name} does not start'",
        f"n=0; until {server.ready}; do",
        f"  n=$((n + 1)); [ $n -gt 200 ] && fail '{server.name} is not ready'; sleep 0.05",
        "done",
    ]


def _content_paths(experiment: Experiment) -> Sequence[str]:
    return [] if experiment.load.partner else find_paths(experiment)[:CONTENT_CHECKS]


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
