# SPDX-License-Identifier: MIT
"""Wrong annotation files: the error names file, line and remedy, and nothing else happens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground.errors import UsageError
from ground.paths import PROJECT
from stingy.memwalk.command import main
from stingy.memwalk.passes import analyse
from stingy.model.annotation_file import read_annotations

CASCADE = PROJECT / "examples/cascade"
TEXT = (CASCADE / "annotations.toml").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server") / "cascade"
    shutil.copytree(CASCADE, folder)
    return folder


def line_of(text: str, part: str) -> int:
    """The line on which ``part`` first is."""
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('function = "push_stage"', 'function = "push_stge"', "push_stage"),
        ('function = "event_loop"', 'function = "event_lop"', "event_loop"),
        ('task = "struct conn"', 'task = "struct con"', "struct conn"),
        ('final = "stage_flush"', 'final = "stage_flsh"', "stage_flush"),
        ('discipline = "lifo"', 'disciplin = "lifo"', "discipline"),
        ('arguments = ["T", "S"]', 'argumnts = ["T", "S"]', "arguments"),
    ],
)
def test_a_typo_gets_line_and_nearest_name(server: Path, old: str, new: str, hint: str) -> None:
    text = TEXT.replace(old, new, 1)
    path = server / "typo.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        analyse(path)
    assert f"typo.toml:{line_of(text, new)}:" in caught.value.message
    assert hint in caught.value.hint


def test_a_typo_is_one_although_a_file_was_refused(server: Path) -> None:
    (server / "broken.c").write_text(
        "int broken(void) { return undeclared; }\nint only_here(void);\n"
    )
    path = server / "typo.toml"
    path.write_text(TEXT.replace('function = "push_stage"', 'function = "push_stge"', 1))
    with pytest.raises(UsageError, match="no function push_stge"):
        analyse(path)
    path.write_text(TEXT.replace('function = "conn_free"', 'function = "only_here"', 1))
    assert any(unit.status == "refused" for unit in analyse(path).units)


def test_a_refusal_is_told_to_who_wants_only_the_summary(
    server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (server / "broken.c").write_text("int broken(void) { return undeclared; }\n")
    (server / "annotations.toml").write_text(TEXT)
    with pytest.raises(SystemExit) as end:
        main([str(server / "annotations.toml"), "--out", str(server / "out"), "--quiet"])
    assert end.value.code == 1
    assert "broken.c: refused: " in capsys.readouterr().err


STATES = """\
schema = 1
[server]
name = "x"
[sources]
files = ["*.c"]
flags = ["-std=gnu17"]
[dispatch]
discipline = "queue"
[requests]
task = "struct conn"
[[constructs.queue_stage]]
store = "struct conn.state"
[[constructs.scheduler]]
function = "loop"
[[stages]]
function = "work"
states = ["ST_WORK"]
"""


def test_a_macro_state_has_one_value(tmp_path: Path) -> None:
    source = """
    #define ST_WORK (1 << {shift})
    struct conn {{ int state; }};
    static void work(struct conn *conn) {{ conn->state = ST_WORK; }}
    void {name}(struct conn *conn) {{ if (conn->state == ST_WORK) work(conn); }}
    """
    (tmp_path / "a.c").write_text(source.format(shift=2, name="loop"))
    path = tmp_path / "a.toml"
    path.write_text(STATES)
    edges = {(edge.source, edge.target) for edge in analyse(path).edges}
    assert ("work", "work") in edges
    (tmp_path / "b.c").write_text(source.format(shift=3, name="other"))
    with pytest.raises(UsageError, match="macro ST_WORK has several values: 4, 8"):
        analyse(path)


def test_a_construct_is_matched_in_one_way(server: Path) -> None:
    path = server / "both.toml"
    path.write_text(TEXT.replace('function = "push_stage"', "", 1))
    with pytest.raises(UsageError, match=r"both\.toml:\d+: constructs\.queue_stage\.0: give"):
        read_annotations(path)


@pytest.mark.parametrize("text", ["", "schema = 1", "[server", "schema = 2\n", "\x00", "a" * 9999])
def test_no_annotation_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_annotations(path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_files_give_no_traceback(tmp_path: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    length = data.draw(st.integers(0, 40))
    insert = data.draw(st.text(max_size=12))
    path = tmp_path / "a.toml"
    path.write_bytes((TEXT[:start] + insert + TEXT[start + length :]).encode(errors="replace"))
    try:
        read_annotations(path)
    except UsageError as error:
        assert error.hint
