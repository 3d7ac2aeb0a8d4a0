# SPDX-License-Identifier: MIT
"""The reviewer's command on hosts of every kind: what it refuses, with which remedy, and what it
asks of each engine.  Hosts are made of stand-ins for the programs that tell of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ground.paths import PROJECT
from tests.names import ODD_NAMES

PLAIN = ("sh", "awk", "sed", "dirname", "mkdir", "cp", "cat", "tail", "id")
REAL = ("df",)
SAY_WHAT_NUMPY_SAYS = (
    "printf 'ImportError:\\n\\nOriginal error was: libstdc++.so.6: cannot open\\n\\n' >&2"
)


class Host:
    """A host: a PATH of its own, in which programs are stand-ins that write down their words."""

    def __init__(self, folder: Path, project: Path = PROJECT) -> None:
        self.folder, self.project = folder, project
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        for name in (*PLAIN, *REAL):
            program = shutil.which(name)
            assert program
            (self.programs / name).symlink_to(program)
        self.add("uname", "echo x86_64")

    def add(self, name: str, script: str) -> None:
        """The stand-in ``name``, which runs ``script``."""
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def add_engine(self, name: str, *, status: int = 0) -> None:
        """An engine that has the image, and whose container ends with ``status``."""
        words = f'printf "%s\\n" {name} "$@" END >>"{self.folder}/words"'
        self.add(name, f'case " $* " in *" run "*) {words}; exit {status};; esac; exit 0')

    @property
    def calls(self) -> list[list[str]]:
        """Words of each container that was run."""
        path = self.folder / "words"
        text = path.read_text() if path.is_file() else ""
        return [call.splitlines() for call in text.split("END\n") if call]

    def run(
        self, *words: str, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``ae/run`` with ``words``."""
        return subprocess.run(
            [str(self.project / "ae/run"), *words],
            cwd=cwd or self.folder,
            env={"PATH": str(self.programs), "LC_ALL": "C.UTF-8"} | (env or {}),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def test_every_mode_says_expected_beside_got(host: Host) -> None:
    host.add_engine("podman")
    assert host.run("quick").returncode == 0
    reproduce, expect = host.calls
    assert reproduce[-6:] == ["tux-stingy", "reproduce", "--tier", "quick", "--out", "/results"]
    assert expect[-6:] == ["tux-stingy", "expect", "--tier", "quick", "--out", "/results"]
    assert reproduce[reproduce.index("--network") + 1] == "none"


@pytest.mark.parametrize(("status", "calls"), [(1, 2), (3, 2), (4, 1), (2, 1)])
def test_a_contradicted_claim_is_no_failure_but_a_broken_host_is(
    host: Host, status: int, calls: int
) -> None:
    host.add_engine("podman", status=status)
    assert host.run("kick").returncode == status
    assert len(host.calls) == calls


@pytest.mark.parametrize("mode", ["kick", "quick", "full"])
def test_an_arm_host_is_refused_in_one_sentence_with_its_remedy(host: Host, mode: str) -> None:
    host.add("uname", "echo aarch64")
    host.add_engine("podman")
    done = host.run(mode)
    assert done.returncode == 4
    assert done.stderr == (
        "error: the cache model lives in QEMU's x86-64 back end, and this host is aarch64\n"
        "  try: ae/run replay, or an x86-64 host\n"
    )
    assert not host.calls


def test_an_arm_host_replays_without_a_container(host: Host) -> None:
    host.add("uname", "echo arm64")
    host.add_engine("podman")
    words = f'printf "%s\\n" "$@" "utf8=$PYTHONUTF8" END >>"{host.folder}/words"'
    host.add("python3", f'case "$*" in *"import sys"*) ;; *) {words};; esac')
    venv = host.folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "ready").touch()
    (venv / "bin" / "python").symlink_to(host.programs / "python3")
    done = host.run("replay", "--rehearse", env={"ARTIFACT_VENV": str(venv), "LC_ALL": "POSIX"})
    assert done.returncode == 0, done.stderr
    assert host.calls[0][:4] == ["-m", "invoke", "replay", "--rehearse"]
    assert host.calls[0][-1] == "utf8=1"


def test_packages_that_do_not_load_are_told_with_what_is_missing(host: Host) -> None:
    """As in a minimal Ubuntu, whose numpy finds no C++ library."""
    host.add("python", f'case "$*" in "-c import numpy"*) {SAY_WHAT_NUMPY_SAYS}; exit 1;; esac')
    make = f'mkdir -p "$3/bin"; ln -s "{host.programs}/python" "$3/bin/python"'
    host.add("python3", f'case "$*" in "-m venv"*) {make};; esac')
    host.add("ln", 'exec /bin/ln "$@"')
    done = host.run("replay", "--native", "--results", str(host.folder / "results"))
    assert done.returncode == 4
    assert "the Python packages do not load: Original error was: libstdc++.so.6:" in done.stderr
    assert not (host.folder / "results" / "venv" / "ready").exists()


def test_too_little_memory_or_disk_is_told_with_numbers(host: Host) -> None:
    host.add_engine("podman")
    host.add("awk", 'case "$*" in *MemTotal*) echo 1024;; *) exec /usr/bin/awk "$@";; esac')
    done = host.run("kick")
    assert (done.returncode, host.calls) == (4, [])
    assert "kick needs 6000 MB of memory, and this host has 1024" in done.stderr
    (host.programs / "awk").unlink()
    (host.programs / "awk").symlink_to("/usr/bin/awk")
    host.add("df", "echo head; echo disk 1 1 2048 1 /")
    done = host.run("full")
    assert (done.returncode, host.calls) == (4, [])
    assert "has 2\n  try: --results FOLDER on a larger disk" in done.stderr


def test_without_an_engine_the_remedy_names_some(host: Host) -> None:
    done = host.run("kick")
    assert done.returncode == 4
    assert done.stderr.startswith("error: no container engine was found")


def test_a_daemon_that_does_not_answer_is_told(host: Host) -> None:
    host.add("docker", "exit 1")
    done = host.run("kick")
    assert done.returncode == 4
    assert "docker: the engine does not answer" in done.stderr


def test_docker_gives_results_to_who_asked(host: Host) -> None:
    host.add_engine("docker")
    assert host.run("kick").returncode == 0
    call = host.calls[0]
    assert call[call.index("--user") + 1] == f"{os.getuid()}:{os.getgid()}"


def test_apptainer_runs_the_archive(host: Host) -> None:
    host.add_engine("apptainer")
    assert "set IMAGE" in host.run("kick").stderr
    image = host.folder / "image.tar"
    image.touch()
    assert host.run("kick", "--image", str(image)).returncode == 0
    assert f"docker-archive:{image}" in host.calls[0]


@pytest.mark.parametrize("words", [["slow"], ["--results"], ["kick", "--fast"]])
def test_wrong_words_are_usage_errors(host: Host, words: list[str]) -> None:
    done = host.run(*words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_folders_may_have_any_name(tmp_path: Path, name: str) -> None:
    host = Host(tmp_path / "host")
    host.add_engine("podman")
    done = host.run("kick", "--results", name)
    assert done.returncode == 0, done.stderr
    results = host.folder / name
    assert results.is_dir()
    call = host.calls[0]
    quoted = str(results).replace('"', '""')
    assert call[call.index("--mount") + 1] == f'type=bind,"source={quoted}",destination=/results'


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_checkout_may_have_any_name(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    for part in ("ae", "images/container"):
        shutil.copytree(PROJECT / part, project / part)
    host = Host(tmp_path / "host", project)
    host.add_engine("podman")
    assert host.run("kick").returncode == 0
    assert host.calls


def test_a_link_leads_to_the_folder(host: Host) -> None:
    host.add_engine("podman")
    real = host.folder / "real"
    real.mkdir()
    (host.folder / "link").symlink_to(real)
    assert host.run("kick", "--results", "link").returncode == 0
    assert f"source={real}" in " ".join(host.calls[0])


def test_a_checkout_that_cannot_be_written_is_enough(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for part in ("ae", "images/container"):
        shutil.copytree(PROJECT / part, project / part)
    folders = [project, *(path for path in project.rglob("*") if path.is_dir())]
    host = Host(tmp_path / "host", project)
    host.add_engine("podman")
    before = sorted(project.rglob("*"))
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert host.run("kick").returncode == 0
        assert sorted(project.rglob("*")) == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.parametrize("command", [("invoke", "build"), ("images/container/run", "reproduce")])
def test_an_arm_host_is_refused_at_the_other_doors_too(
    host: Host, command: tuple[str, str]
) -> None:
    """Before anything else is asked of the host: it has no dpkg, no Python, no sudo."""
    host.add("uname", "echo aarch64")
    host.add_engine("podman")
    done = subprocess.run(
        [str(PROJECT / command[0]), command[1]],
        env={"PATH": str(host.programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr == (
        "error: the cache model lives in QEMU's x86-64 back end, and this host is aarch64\n"
        "  try: ae/run replay, or an x86-64 host\n"
    )
    assert not host.calls
