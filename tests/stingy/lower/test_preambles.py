# SPDX-License-Identifier: MIT
"""Headers that files share are parsed once, and nothing that is found depends on it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ground import process
from ground.paths import PROJECT
from stingy.lower.frames import CommonHeader, compile_frames
from stingy.lower.linking import Program, link
from stingy.lower.lowering import lower
from stingy.lower.preambles import Preamble, find_preambles, lower_header
from stingy.lower.sources import Source, clang_flags, find_sources
from stingy.lower.units import _digest_of_input, load_units
from stingy.memwalk.passes import analyse
from stingy.model.annotations import Sources
from stingy.model.program import Unit

HEADER = """\
#ifndef X_H
#define X_H
#include "deep.h"
struct conn { int fd; struct conn *next; char *name; };
enum state { IDLE = 3, BUSY };
static int started;
static const char *const words[] = { "a", "b" };
void forget(struct conn **conn);
static inline void drop(struct conn **conn) { forget(conn); *conn = 0; }
static inline int twice(int x) { return 2 * x + started; }
int elsewhere(struct conn *conn);
#endif
"""
FILES = {
    "a.c": '/* A comment. */\n#include "x.h"\nint a(void) { return twice(BUSY) + NUMBER; }\n',
    "b.c": '// Another.\n\n#include "x.h"\nint b(struct conn *c) { return elsewhere(c->next); }\n',
    "c.c": '# include "x.h"\nint c(void) {\n'
    "\tstruct conn *own __attribute__((cleanup(drop))) = 0;\n"
    "\treturn own ? words[0][0] : NUMBER;\n}\n",
    "d.c": '#define EARLY 1\n#include "x.h"\nint d(void) { return EARLY; }\n',
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARTIFACT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "x.h").write_text(HEADER)
    (folder / "deep.h").write_text("struct deep { int depth; };\n")
    commands = []
    for number, (name, text) in enumerate(FILES.items()):
        (folder / name).write_text(text)
        command = f"gcc -std=gnu11 -DNUMBER={number} -DSAME -c {name}"
        commands.append({"directory": str(folder), "file": name, "command": command})
    (folder / "compile_commands.json").write_text(json.dumps(commands))
    return folder


def sources_in(root: Path) -> list[Source]:
    return find_sources(Sources(files=("*.c",), compile_commands="compile_commands.json"), root)


def load(root: Path, analysed: list[str] | None = None) -> list[Unit]:
    _digest_of_input.cache_clear()
    return load_units(sources_in(root), root, report=(analysed or []).append)


def the_preamble(root: Path) -> Preamble:
    (preamble,) = set(find_preambles(sources_in(root), root).values())
    return preamble


def everything(program: Program) -> dict[str, object]:
    return {
        "routines": program.routines,
        "order": list(program.routines),
        "declared": program.declared,
        "records": program.records,
        "storage": program.storage,
        "constants": program.constants,
        "outside": program.outside,
        "initialisers": set(map(repr, program.initialisers)),
    }


def test_a_header_is_shared_where_nothing_comes_before_it(root: Path) -> None:
    found = find_preambles(sources_in(root), root)
    assert sorted(path.name for path in found) == ["a.c", "b.c", "c.c"]
    preamble = the_preamble(root)
    assert preamble.header.file == "x.h"
    assert preamble.varying == {"NUMBER"}
    assert "-DSAME" in preamble.header.flags
    assert not any("NUMBER" in flag for flag in preamble.header.flags)


def test_one_file_alone_shares_nothing(root: Path) -> None:
    assert find_preambles(sources_in(root)[:1], root) == {}


def test_the_program_is_the_same_as_without_sharing(root: Path) -> None:
    units = load(root)
    assert [u.header is not None for u in units] == [True, True, True, False]
    alone = [lower(s.path, s.file, root, clang_flags(s)) for s in sources_in(root)]
    assert not any(u.problem for u in [*units, *alone])
    assert everything(link(units)) == everything(link(alone))
    assert [u.functions() for u in units] == [u.functions() for u in alone]
    assert not any("x.h:twice" in u.routines for u in units[:3])


def test_gcc_finds_the_same_with_its_precompiled_header(root: Path, tmp_path: Path) -> None:
    preamble = the_preamble(root)
    common = CommonHeader(tmp_path / "all.h", preamble.varying)
    assert common.precompile(preamble.header) and common.is_made()
    for source in sources_in(root)[:3]:
        frames, complaint = compile_frames(source, common)
        assert frames and not complaint
        assert frames == compile_frames(source)[0]
        flags = common.flags_for(source, tmp_path / "own.h")
        words = [source.compiler, *flags, "-Winvalid-pch", "-H", "-fsyntax-only"]
        said = process.run([*words, str(source.path)]).stderr
        assert f"! {tmp_path / 'all.h.gch'}" in said  # it was really used


def test_what_gcc_complains_of_is_that_of_the_file(root: Path, tmp_path: Path) -> None:
    preamble = the_preamble(root)
    common = CommonHeader(tmp_path / "all.h", preamble.varying)
    assert common.precompile(preamble.header)
    (root / "b.c").write_text('#include "x.h"\nint b(void) { return missing; }\n')
    frames, complaint = compile_frames(sources_in(root)[1], common)
    assert not frames and "b.c:2:" in complaint and "missing" in complaint


def test_a_header_that_gcc_cannot_precompile_is_read_in_each_file(
    root: Path, tmp_path: Path
) -> None:
    preamble = the_preamble(root)
    flags = ("-imacros", str(root / "deep.h"), *preamble.header.flags)
    common = CommonHeader(tmp_path / "all.h", preamble.varying)
    assert not common.precompile(replace(preamble.header, flags=flags))
    assert not common.is_made()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("#ifndef X_H", "#ifdef X_H\n#endif\n#if 1", "not guarded"),
        ("struct conn {", "#ifdef NUMBER\n#endif\nstruct conn {", "asks for NUMBER"),
        ("struct conn {", "#if 1 \\\n && NUMBER > 7\n#endif\nstruct conn {", "asks for NUMBER"),
        ("int elsewhere(", "no_such_type elsewhere(", "no_such_type"),
        (
            "int elsewhere(",
            "static inline int n(void) { return NUMBER; }\nint elsewhere(",
            "NUMBER",
        ),
    ],
)
def test_a_header_that_may_differ_is_not_shared(
    root: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    (root / "x.h").write_text(HEADER.replace(old, new))
    assert reason in lower_header(the_preamble(root), root, tmp_path / "tree").problem
    assert not any(u.header for u in load(root))


def test_a_macro_in_a_deeper_header_counts(root: Path, tmp_path: Path) -> None:
    (root / "deep.h").write_text("#if defined(NUMBER)\n#endif\n")
    assert "asks for NUMBER" in lower_header(the_preamble(root), root, tmp_path / "tree").problem


def test_only_what_changed_is_analysed_again(root: Path) -> None:
    def analysed() -> list[str]:
        files: list[str] = []
        _digest_of_input.cache_clear()
        load_units(sources_in(root), root, report=files.append)
        return sorted(files)

    assert analysed() == ["a.c", "b.c", "c.c", "d.c"]
    assert analysed() == []
    (root / "b.c").write_text(FILES["b.c"] + "\n")
    assert analysed() == ["b.c"]
    (root / "deep.h").write_text("struct deep { long depth; };\n")
    assert analysed() == ["a.c", "b.c", "c.c", "d.c"]


def test_contents_count_and_not_times(root: Path) -> None:
    load(root)
    os.utime(root / "deep.h", (1, 1))
    (root / "b.c").write_text(FILES["b.c"] + "\n")
    units = load(root)
    assert not any(u.problem or u.warnings for u in units)
    assert units[1].header is not None


def test_without_the_syntax_tree_a_file_is_read_whole(root: Path, tmp_path: Path) -> None:
    load(root)
    for tree in (tmp_path / "cache/memwalk").glob("*.pch"):
        tree.unlink()
    (root / "b.c").write_text(FILES["b.c"] + "\n")
    units = load(root)
    assert [u.header is not None for u in units] == [True, False, True, False]
    assert "x.h:twice" in link(units).routines


def test_a_damaged_syntax_tree_does_no_harm(root: Path, tmp_path: Path) -> None:
    load(root)
    for tree in (tmp_path / "cache/memwalk").glob("*.pch"):
        tree.write_bytes(b"CPCH" + bytes(400))
    (root / "b.c").write_text(FILES["b.c"] + "\n")
    assert not any(u.problem for u in load(root))


def test_an_error_in_a_file_is_that_of_the_file(root: Path) -> None:
    (root / "b.c").write_text('#include "x.h"\nint b(void) { return missing; }\n')
    assert "b.c:2: clang: use of undeclared identifier 'missing'" in load(root)[1].problem


def test_results_do_not_depend_on_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTIFACT_CACHE", str(tmp_path / "cache"))
    results = []
    for place in ("here", "there/at/another/depth"):
        folder = tmp_path / place
        shutil.copytree(PROJECT / "examples/cascade", folder)
        result = analyse(folder / "annotations.toml")
        assert not any(unit.status == "refused" for unit in result.units)
        results.append(result.to_json())
    assert results[0] == results[1]
    assert str(tmp_path).encode() not in results[0]
