# SPDX-License-Identifier: MIT
"""Platform files: what they say reaches the server's kernel, card and job, and nobody else's."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ground.errors import UsageError
from testbed.experiment import Experiment
from testbed.guest.job import write_client_job, write_server_job
from testbed.guest.servers import find_servers, load_server
from testbed.hardware.platform import Platform
from testbed.hardware.platform_files import DEFAULT_PLATFORM, find_platforms, load_platform
from testbed.machines.command_line import Boot, Wire, plan_machine

LCN2006 = load_platform(DEFAULT_PLATFORM)
BOOT = Boot(Path("/q"), Path("/f"), Path("/k"), Path("/r"))


def on_platform(experiment: Experiment, platform: Platform) -> Experiment:
    return experiment.model_copy(update={"platform": platform})


def plan(experiment: Experiment, name: str, side: int) -> dict[str, str]:
    """QEMU's options by flag; the last of each."""
    wire = Wire("/l", side, 1, "52:54:00:00:01:01", None, Path("/s"))
    argv = plan_machine(experiment, BOOT, name, Path("/d"), (wire,)).argv
    return dict(itertools.pairwise(argv))


@pytest.mark.parametrize("name", find_platforms())
def test_shipped_platforms_are_whole(name: str) -> None:
    file = load_platform(name)
    assert file.platform.name == name
    assert len(file.sources) == 16
    assert all(source.source for source in file.sources)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('value = "at-once"', 'value = "sometimes"', "softirq.entry"),
        ("t_descriptors = { value = 256", "t_descriptors = { value = 8", "card.transmit"),
        ("syn_cookies = { value = false", "syn_cookies = { value = 0", "syn_cookies"),
        ("interrupts_per_s = { value = 4800", "interrupts_per_s = { value = true", "per_s"),
        (", sweep = [2000, 4800, 8000]", "", "assumed but has no sweep"),
        ("[backlogs]", "[backlog]", "backlog"),
    ],
)  # fmt: skip
def test_errors_name_file_field_and_remedy(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = LCN2006.path.read_text()
    assert old in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_platform(str(path))
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_unknown_platform_lists_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        load_platform("amiga")
    assert DEFAULT_PLATFORM in caught.value.hint


def test_the_papers_kernel_and_card(experiment: Experiment) -> None:
    options = plan(experiment, "server", 0)
    for word in (
        "softirq=at_once,unlimited",
        "e1000.RxDescriptors=256",
        "e1000.TxDescriptors=256",
        "e1000.InterruptThrottleRate=4800",
    ):
        assert word in options["-append"].split()
    assert f"fifo={48 << 10}," in options["-netdev"] + ","


def test_what_debian_ships_is_left_alone(experiment: Experiment) -> None:
    """No parameter where the kernel's own choice is meant, and PAUSE holds what the card cannot."""
    shipped = on_platform(experiment, load_platform("debian12").platform)
    options = plan(shipped, "server", 0)
    assert "softirq=" not in options["-append"]
    assert "InterruptThrottleRate" not in options["-append"]
    assert f"fifo={(48 << 10) + (4 << 20)}," in options["-netdev"] + ","
    assert "renice" not in write_server_job(shipped, load_server("nginx"))


@pytest.mark.parametrize("name", find_platforms())
def test_clients_are_the_same_on_every_platform(experiment: Experiment, name: str) -> None:
    other = on_platform(experiment, load_platform(name).platform)
    assert write_client_job(other, 1) == write_client_job(experiment, 1)
    assert plan(other, "client1", 1) == plan(experiment, "client1", 1)


def test_backlogs_reach_kernel_and_server(experiment: Experiment) -> None:
    small = on_platform(experiment, load_platform("lcn2006-defaults").platform)
    job = write_server_job(small, load_server("tux"))
    assert "export LISTEN_BACKLOG=2048\n" in job
    assert "echo 1024 > /proc/sys/net/ipv4/tcp_max_syn_backlog" in job
    assert "echo 128 > /proc/sys/net/core/somaxconn" in job
    assert "echo 0 > /proc/sys/net/ipv4/tcp_syncookies" in job


@pytest.mark.parametrize("name", [name for name in find_servers() if name.startswith("tux")])
def test_every_variant_takes_the_platforms_backlog(experiment: Experiment, name: str) -> None:
    assert "LISTEN_BACKLOG" in write_server_job(experiment, load_server(name)).replace(
        "export LISTEN_BACKLOG", ""
    )


@pytest.mark.parametrize(("name", "switch"), [("lcn2006", "off"), ("debian12", "on")])
def test_receive_offload_is_as_the_platform_says(
    experiment: Experiment, name: str, switch: str
) -> None:
    changed = on_platform(experiment, load_platform(name).platform)
    server = load_server("nginx")
    assert f"\ngro eth0 {switch} || fail" in write_server_job(changed, server)
    assert "\ngro " not in write_client_job(changed, 1)
