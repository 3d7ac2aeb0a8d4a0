# SPDX-License-Identifier: MIT
"""The image in docker as Debian 12 has it, which knows no OCI; its packages are unpacked only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge.container import ARCHIVE
from forge.pipeline import Pipeline
from ground.paths import PROJECT
from ground.process import ProcessError, run, start

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(3600)]
PACKAGES = ("docker.io", "containerd", "runc")
READY_S = 120.0


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which ``docker`` is that of Debian 12, with a daemon of its own."""
    if os.geteuid():
        pytest.skip("docker's daemon wants root")
    for package in PACKAGES:
        run(["apt-get", "download", package], cwd=tmp_path)
    for archive in tmp_path.glob("*.deb"):
        run(["dpkg", "-x", archive, tmp_path])
    environment = {
        "PATH": f"{tmp_path / 'usr/bin'}:{tmp_path / 'usr/sbin'}:{os.environ['PATH']}",
        "DOCKER_HOST": f"unix://{tmp_path / 'socket'}",
    }
    daemon: list[str | Path] = [
        *("dockerd", "--data-root", tmp_path / "data", "--exec-root", tmp_path / "exec"),
        *("--pidfile", tmp_path / "pid", "--host", environment["DOCKER_HOST"]),
        *("--iptables=false", "--bridge=none"),
    ]
    with start(daemon, env=environment, log=tmp_path / "log") as process:
        try:
            wait_for_daemon(environment)
            yield environment
        finally:
            process.terminate()  # so that it takes its mounts away
            process.wait()


def wait_for_daemon(environment: dict[str, str]) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            run(["docker", "version"], env=environment)
            return
        except ProcessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_a_sweep_in_docker(docker: dict[str, str], tmp_path: Path) -> None:
    """The archive is loaded, and a rehearsed tier ends with its draft in the host's folder."""
    results = tmp_path / "results, of Zoë"
    container = {
        "ENGINE": "docker",
        "IMAGE": str(Pipeline().container / ARCHIVE),
        "RESULTS": str(results),
    }
    run(
        [
            *(PROJECT / "images/container/run", "reproduce", "--tier", "kick", "--rehearse"),
            *("--out", "/results"),
        ],
        env=docker | container,
    )
    assert list(results.glob("**/kick/draft.pdf"))
