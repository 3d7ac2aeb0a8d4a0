# SPDX-License-Identifier: MIT
"""The rewritten servers answer as the stock ones do, byte for byte, under load too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.load import converse, load_server
from tests.servers.rewritten import rewrite_server
from tests.servers.running import EXAMPLES, NAMES, build_server, run_server


@pytest.mark.parametrize("name", NAMES)
def test_both_variants_answer_the_same(name: str, root: Path, tmp_path: Path) -> None:
    rewritten, _, _ = rewrite_server(name, tmp_path / "rewritten")
    answers = []
    for source in (EXAMPLES / name, rewritten):
        program = build_server(source, name, tmp_path / "build" / source.name, "SANITIZE=1")
        with run_server(program, root) as server:
            first = converse(server)
            load_server(server, connections=100, rounds=3)
            assert converse(server) == first
            answers.append(first)
    assert answers[0] == answers[1]
