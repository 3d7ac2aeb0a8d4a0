# SPDX-License-Identifier: MIT
"""The committed fuzzing corpus passes, and the harness can fail."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from checks import fuzz
from ground.process import ProcessError
from tests.tux import cases


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fuzz.build_fuzzer(fuzz.TARGETS["parse"], tmp_path_factory.mktemp("fuzzer"))


def test_corpus_breaks_no_law(fuzzer: Path) -> None:
    fuzz.replay(fuzzer, fuzz.TARGETS["parse"].corpus)


def test_requests_of_the_suite_break_no_law(fuzzer: Path, requests: Path) -> None:
    fuzz.replay(fuzzer, requests)


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's requests as inputs."""
    place = tmp_path_factory.mktemp("requests")
    requests = [case.request for case in cases.ALL] + [*cases.SMUGGLING.values()]
    for number, data in enumerate(requests):
        (place / str(number)).write_bytes(data[: fuzz.INPUT_MAX])
    return place


def test_corpus_is_small() -> None:
    for target in fuzz.TARGETS.values():
        files = [path for path in target.corpus.iterdir() if path.is_file()]
        assert files
        assert sum(path.stat().st_size for path in files) < 200_000


MUTANTS = {
    # a read past the end
    "path.c": (r"from \+ 1 < end \? hex_value", "from < end ? hex_value"),
    # a folded line taken for a field
    "parse.c": (r"if \(end == name \|\| head->buf\[head->pos\+\+\] != ':'\)",
                "if (head->buf[head->pos++] != ':')"),
    # a literal that is not an address
    "authority.c": (r"return groups < IPV6_GROUPS", "return groups <= IPV6_GROUPS"),
    # a range of no byte
    "range.c": (r"if \(first >= size\)", "if (first > size)"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(
    name: str, requests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault put into the server breaks a law: the harness is not blind."""
    shutil.copytree(fuzz.TUX, tmp_path / "tux")
    pattern, replacement = MUTANTS[name]
    path = tmp_path / "tux" / name
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count == 1, "the mutant no longer fits the source: adapt it"
    path.write_text(text)
    monkeypatch.setattr(fuzz, "TUX", tmp_path / "tux")
    target = fuzz.TARGETS["parse"]
    program = fuzz.build_fuzzer(target, tmp_path / "build")
    with pytest.raises(ProcessError, match=r"broken law|AddressSanitizer|runtime error"):
        fuzz.replay(program, target.corpus)
        fuzz.replay(program, requests)
