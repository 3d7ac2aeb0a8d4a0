# SPDX-License-Identifier: MIT
"""Descriptions of servers: one extends another, and what is wrong is said with file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground.errors import UsageError
from testbed.guest.servers import find_servers, load_server

BASE = """\
title = "Base"
port = 81
load = "insmod base"
prepare = ["echo 1", "echo 2"]
start = "run"
ready = "ask"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.toml").write_text(BASE)
    return tmp_path


def test_a_description_changes_some_keys_of_another(folder: Path) -> None:
    (folder / "changed.toml").write_text('extends = "base"\nload = "insmod other"\n')
    (folder / "again.toml").write_text('extends = "changed"\nname = "again"\nport = 82\n')
    base, changed, again = (load_server(name, folder) for name in ("base", "changed", "again"))
    assert base.setup == ("insmod base", "echo 1", "echo 2")
    assert changed.setup == again.setup == ("insmod other", "echo 1", "echo 2")
    assert (changed.name, changed.title, changed.port) == ("changed", "Base", 81)
    assert (again.name, again.start, again.port) == ("again", "run", 82)


def test_what_only_prepares_is_not_loaded(folder: Path) -> None:
    (folder / "plain.toml").write_text('start = "a"\nready = "b"\nprepare = ["c"]\n')
    assert load_server("plain", folder).setup == ("c",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "nobody"', ["wrong.toml", "extends", "'nobody'", "choose one of base"]),
        ('extends = "wrong"', ["wrong.toml", "wrong extends wrong", "by itself"]),
        ('extends = "base"\nlaod = "x"', ["wrong.toml", "laod", "there is no such field", "load"]),
        ('extends = "base"\nport = "x"', ["wrong.toml", "port", "whole number"]),
        ('extends = 7\nstart = "a"\nready = "b"', ["wrong.toml", "extends", "not text"]),
        ('start = "x"', ["wrong.toml", "ready"]),
        ("extends = ", ["wrong.toml", "correct the TOML syntax"]),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_remedy(
    folder: Path, text: str, said: list[str]
) -> None:
    (folder / "wrong.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_server("wrong", folder)
    message = f"{caught.value.message} {caught.value.hint}"
    assert [part for part in said if part not in message] == []


def test_two_that_extend_each_other_are_refused(folder: Path) -> None:
    (folder / "one.toml").write_text('extends = "two"')
    (folder / "two.toml").write_text('extends = "one"')
    with pytest.raises(UsageError, match="one extends two extends one"):
        load_server("one", folder)


def test_the_variants_of_tux_differ_only_in_how_the_module_is_loaded() -> None:
    """And in what that makes of connections: whether some are held back."""
    stock = load_server("tux")
    for name in (name for name in find_servers() if name.startswith("tux-")):
        variant = load_server(name)
        assert variant.name == name
        assert variant.load != stock.load
        same = {"name", "title", "load", "extends", "holds_back"}
        assert variant.model_dump(exclude=same) == stock.model_dump(exclude=same)
