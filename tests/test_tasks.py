# SPDX-License-Identifier: MIT
"""Tasks as they are typed: what invoke takes for the name of a file, and what the user meant."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from invoke.program import Program

from ground.paths import PROJECT
from tests.names import ODD_NAMES
from tests.project_tasks import load_namespace

PROGRAM = Program(namespace=load_namespace())
NAMING = {
    name: task
    for name in PROGRAM.namespace.task_names
    if (task := PROGRAM.namespace[name]).positional
}


def test_some_tasks_want_names() -> None:
    assert {"results.export", "results.import", "build.bundle", "labs.start"} <= set(NAMING)


@pytest.mark.parametrize("word", ["--help", "-h", "--teir"])
@pytest.mark.parametrize("name", NAMING)
def test_a_flag_is_not_taken_for_a_name(
    name: str,
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether it is the first name that the task wants, or the last."""
    monkeypatch.chdir(tmp_path)
    task = NAMING[name]
    flags = [
        f"--{option.name}=x"
        for option in task.get_arguments()
        if option.default is None and not option.positional
    ]
    for before in range(len(task.positional)):
        names = ["x"] * before + [word] * (len(task.positional) - before)
        with pytest.raises(SystemExit):
            PROGRAM.run(["invoke", name, *names, *flags], exit=False)
        said = "".join(capsys.readouterr())
        refused = f"{word} is no {task.positional[before]}" in said
        assert refused or (name.startswith("stingy.") and "usage:" in said)  # tools say their own
    assert list(tmp_path.iterdir()) == []


def test_the_remedy_names_the_file_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        PROGRAM.run(["invoke", "results.import", "--runs.tar.xz"], exit=False)
    said = capsys.readouterr().err
    assert "--runs.tar.xz is no file, since it begins with a dash" in said
    assert "./invoke TASK --help for the flags, or ./--runs.tar.xz" in said


def make_host(tmp_path: Path) -> Path:
    """A checkout with nothing to install, whose invoke says its words."""
    for name in ("images/packages/host.txt", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(PROJECT / "invoke", tmp_path)
    program = tmp_path / ".venv" / "bin" / "invoke"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n[ "$PYTHONUTF8" = 1 ]\n')
    program.chmod(0o755)
    stamp = f"{hashlib.sha256(b'').hexdigest()}  -\n"
    (tmp_path / ".venv" / ".requirements.sha256").write_text(stamp)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        (["results.export", "--help"], ["--help", "results.export"]),
        (["labs.start", "cache", "-h"], ["--help", "labs.start"]),
        (["--help", "labs.start"], ["--help", "labs.start"]),
        (["--help"], ["--help"]),
        (["results.export", "a b", "--out", "d"], ["results.export", "a b", "--out", "d"]),
        ([], []),
    ],
)
def test_help_behind_a_task_is_its_help(
    tmp_path: Path, words: list[str], passed: list[str]
) -> None:
    done = subprocess.run(
        [str(make_host(tmp_path) / "invoke"), *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:-1] == (passed or [""])


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_checkout_may_have_any_name(tmp_path: Path, name: str) -> None:
    """From within as from without, and by a link."""
    make_host(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / name)
    for place, program in ((tmp_path, f"./{name}/invoke"), (tmp_path, "./link/invoke"),
                           (tmp_path / name, "./invoke")):  # fmt: skip
        done = subprocess.run(
            [program, "--list"],
            cwd=place,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("--list\n", "")


def make_bare_host(tmp_path: Path, user: int, said: str) -> dict[str, str]:
    """A PATH on which a package is missing: ``apt-get`` says ``said`` and fails, ``user`` asks, and
    there is no sudo."""
    (make_host(tmp_path) / "images/packages/host.txt").write_text("packer  # makes images\n")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "dirname", "sed", "xargs", "echo", "grep", "env", "cat", "sha256sum"):
        (programs / name).symlink_to(shutil.which(name) or name)
    for name, script in {
        "id": f"echo {user}",
        "uname": "echo x86_64",
        "dpkg-query": "exit 1",
        "apt-get": f"echo 'E: {said}' >&2; exit 100",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    return {"PATH": str(programs)}


@pytest.mark.parametrize(
    ("user", "complaint"),
    [
        (0, "error: the packages could not be installed: packer\n"),
        (1000, "error: installing packages needs root\n  try: run this as root, or install sudo\n"),
    ],
)
def test_packages_that_cannot_be_had_are_a_fault_of_the_host(
    tmp_path: Path, user: int, complaint: str
) -> None:
    """4, with a remedy: whatever apt-get ends with is none of our exit codes."""
    done = subprocess.run(
        [tmp_path / "invoke", "--list"],
        env=make_bare_host(tmp_path, user, "no network"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert complaint in done.stderr
    assert ("E: no network" in done.stderr) == (user == 0)
    assert done.stderr.count("try: ") == 1


def test_an_environment_that_cannot_be_made_is_a_fault_of_the_host(tmp_path: Path) -> None:
    done = subprocess.run(
        [make_host(tmp_path) / "invoke", "--list"],
        env={"PATH": "/usr/bin:/bin", "ARTIFACT_VENV": "/dev/null/venv"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "error: the Python environment could not be made in /dev/null/venv\n" in done.stderr
