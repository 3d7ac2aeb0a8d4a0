# SPDX-License-Identifier: MIT
"""stingify on both servers and on sources made to be refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ground import process
from ground.files import digest_tree
from stingy.memwalk.passes import Options, analyse
from stingy.model.annotation_file import read_annotations
from stingy.stingify.command import main
from stingy.stingify.report import RewriteReport
from stingy.stingify.rewrite import find_already
from stingy.stingify.sites import Status, split_arguments
from stingy.stingygen.demand import make_demand
from stingy.stingygen.generate import Target, generate, write_allocator
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Parameters, save_map
from stingy.stingygen.plan import plan_map
from tests.names import ODDEST_NAME
from tests.stingy.annotations import annotate

OPTIONS, PARAMETERS = Options(), Parameters()
SERVERS = Path(__file__).parents[3] / "examples"

TINY = annotate(
    "tiny", task="struct conn", queue="queue_stage", run="run_stage", loop="event_loop",
    flags=("-std=gnu11",),
)  # fmt: skip
ANNOTATIONS = f"""\
{TINY}[[stages]]
function = "start"
entry = true
"""
SOURCE = """
#include <stdlib.h>
struct conn;
typedef void stage_t(struct conn *conn);
struct part { int n[30]; };
struct other { long n[20]; };
struct conn { stage_t *stage; struct part *part; void *any; char *text; };
void queue_stage(struct conn *conn, stage_t *stage);
void run_stage(struct conn *conn);
struct conn *next_conn(void);
EXTRA
void finish(struct conn *conn)
{
	RELEASE
	free(conn);
}
void start(struct conn *unused)
{
	struct conn *conn = malloc(sizeof(*conn));

	(void)unused;
	if (!conn)
		return;
	ALLOCATE
	queue_stage(conn, finish);
}
void event_loop(void)
{
	for (;;)
		run_stage(next_conn());
}
"""


def make_server(folder: Path, allocate: str, release: str, extra: str = "") -> Path:
    """A server of two stages whose objects are what the caller writes."""
    folder.mkdir(parents=True)
    text = SOURCE.replace("ALLOCATE", allocate).replace("RELEASE", release)
    (folder / "server.c").write_text(text.replace("EXTRA", extra))
    annotations = folder / "annotations.toml"
    annotations.write_text(ANNOTATIONS)
    return annotations


def prepare(
    annotations: Path, out: Path, options: Options = OPTIONS, parameters: Parameters = PARAMETERS
) -> list[str]:
    """Run memwalk and stingygen; what stingify is then called with, but for --out."""
    result = analyse(annotations, options)
    out.mkdir(parents=True, exist_ok=True)
    (out / "memwalk.json").write_bytes(result.to_json())
    plan = plan_map(make_demand(result), load_l2("banias-1400"), parameters)
    write_allocator(generate(plan, Target.USER), out / "allocator")
    save_map(plan, out / "allocator" / "map.json")
    allocator = str(out / "allocator")
    return [str(annotations), "--result", str(out / "memwalk.json"), "--allocator", allocator]


def stingify(words: list[str], out: Path, *more: str) -> tuple[int, RewriteReport]:
    """Call the command; its exit code and its report."""
    code = 0
    try:
        main([*words, "--out", str(out), *more])
    except SystemExit as end:
        code = int(end.code or 0)
    return code, RewriteReport.model_validate_json((out / "report.json").read_bytes())


def rewrite(
    tmp_path: Path, allocate: str, release: str, extra: str = ""
) -> tuple[str, RewriteReport]:
    """The rewritten source and the report of a made-up server."""
    annotations = make_server(tmp_path / "server", allocate, release, extra)
    _, report = stingify(prepare(annotations, tmp_path / "made"), tmp_path / "out")
    return (tmp_path / "out" / "source" / "server.c").read_text(), report


def reason_of(report: RewriteReport, name: str) -> str:
    """Why an object is refused."""
    return next(o.reason for o in report.objects if o.object == name)


@dataclass(frozen=True)
class Made:
    """A rewritten server of this project."""

    source: Path
    words: list[str]
    out: Path
    report: RewriteReport


@pytest.fixture(scope="module", params=["cascade", "switchboard"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp(request.param)
    source = SERVERS / request.param
    words = prepare(source / "annotations.toml", folder / "made")
    before = digest_tree(source)
    code, report = stingify(words, folder / "out")
    assert code == 0
    assert digest_tree(source) == before  # the sources are not touched
    return Made(source, words, folder / "out", report)


def test_every_object_is_rewritten_and_twice_changes_nothing(made: Made, tmp_path: Path) -> None:
    assert {o.status for o in made.report.objects} == {Status.REWRITTEN}
    # Again from the same sources: the same bytes.
    stingify(made.words, tmp_path / "again")
    assert digest_tree(tmp_path / "again") == digest_tree(made.out)
    # On what was rewritten: nothing changes.
    once = made.out / "source"
    code, twice = stingify(made.words, tmp_path / "twice", "--root", str(once))
    assert code == 0
    assert {o.status for o in twice.objects} == {Status.ALREADY}
    assert digest_tree(tmp_path / "twice" / "source") == digest_tree(once)
    assert (tmp_path / "twice" / "stingify.diff").read_text() == ""


def test_the_diff_changes_calls_and_nothing_else(made: Made, tmp_path: Path) -> None:
    diff = (made.out / "stingify.diff").read_text().splitlines()
    added = [x[1:].strip() for x in diff if x.startswith("+") and not x.startswith("+++")]
    stingy = [x for x in added if "stingy_" in x]
    rest = [x for x in added if "stingy_" not in x and x != "}"]
    rewritten = [s for s in made.report.sites if s.status is Status.REWRITTEN]
    assert len(stingy) == len(rewritten)
    assert set(rest) <= {'#include "stingy.h"', "if (STINGY_RECYCLES) {"}
    assert all(any(site.after in line for line in stingy) for site in rewritten)
    # GNU patch makes the same files of it.
    copy = tmp_path / "copy"
    shutil.copytree(made.source, copy)
    process.run(["patch", "-s", "-p1", "-d", copy, "-i", made.out / "stingify.diff"])
    for file in made.report.changed:
        assert (copy / file).read_bytes() == (made.out / "source" / file).read_bytes()


def test_kinds_of_allocation(tmp_path: Path) -> None:
    text, report = rewrite(
        tmp_path,
        "conn->part = calloc(1, sizeof(struct part));\n\tconn->text = malloc(100 + 1);",
        "free(conn->part);\n\tfree(conn->text);",
    )
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert "conn->part = stingy_calloc(STINGY_PART, 1, sizeof(struct part));" in text
    assert "stingy_free(STINGY_PART, conn->part);" in text
    assert re.search(r"conn->text = stingy_alloc\w*\(STINGY_CONN_TEXT", text)
    assert "struct conn *conn = stingy_alloc(STINGY_CONN);" in text


def test_what_the_build_made_is_not_copied(tmp_path: Path) -> None:
    annotations = make_server(tmp_path / "server", "", "")
    made = ("server.o", "server.lo", "libserver.la", ".libs/server.o")
    for name in made:
        (annotations.parent / name).parent.mkdir(exist_ok=True)
        (annotations.parent / name).write_text("of the server as it was")
    stingify(prepare(annotations, tmp_path / "made"), tmp_path / "out")
    copy = tmp_path / "out" / "source"
    assert (copy / "server.c").is_file()
    assert not any((copy / name).exists() for name in made)


def test_files_that_were_not_read_are_named(tmp_path: Path) -> None:
    annotations = make_server(tmp_path / "server", "", "")
    other = annotations.parent / "plugin.c"
    other.write_text("#include <stdlib.h>\nvoid drop(void *conn) { free(conn); }\n")
    commands = [
        {"directory": str(annotations.parent), "file": name, "command": f"gcc -c {name}"}
        for name in ("server.c", "plugin.c")
    ]
    (annotations.parent / "commands.json").write_text(json.dumps(commands))
    text = annotations.read_text().replace(
        'files = ["*.c"]', 'compile_commands = "commands.json"\nfiles = ["server.c"]'
    )
    annotations.write_text(text)
    _, report = stingify(prepare(annotations, tmp_path / "made"), tmp_path / "out")
    assert [note for note in report.notes if "(plugin.c)" in note], report.notes


def test_the_folders_may_have_any_name(tmp_path: Path) -> None:
    allocate, release = "conn->part = malloc(sizeof(struct part));", "free(conn->part);"
    text, report = rewrite(tmp_path / ODDEST_NAME, allocate, release)
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert "conn->part = stingy_alloc(STINGY_PART);" in text


@pytest.mark.parametrize(
    ("source", "object_", "message"),
    [
        (  # two objects come to one untyped release
            ("conn->any = flip() ? (void *)malloc(sizeof(struct part))\n"
             "\t\t: (void *)malloc(sizeof(struct other));", "free(conn->any);", "int flip(void);"),
            "part", "may also be other",
        ),
        (  # a resized object
            ("conn->text = malloc(64);\n\tconn->text = realloc(conn->text, 65);",
             "free(conn->text);", ""),
            "conn_text", "may resize it",
        ),
        (  # an allocation in a macro
            ("conn->part = NEW(struct part);", "free(conn->part);",
             "#define NEW(type) malloc(sizeof(type))"),
            "part", "inside of the macro call NEW(",
        ),
    ],
)  # fmt: skip
def test_what_is_not_proven_is_refused_whole(
    tmp_path: Path, source: tuple[str, str, str], object_: str, message: str
) -> None:
    text, report = rewrite(tmp_path, *source)
    reason = reason_of(report, object_)
    assert message in reason
    assert re.match(r"server\.c:\d+: ", reason)
    sites = [s for s in report.sites if s.object == object_]
    assert {s.status for s in sites} == {Status.REFUSED}
    assert f"STINGY_{object_.upper()}" not in text
    assert "stingy_alloc(STINGY_CONN)" in text  # the others are rewritten all the same


def test_a_wrapper_with_an_effect_of_its_own_keeps_it(tmp_path: Path) -> None:
    extra = (
        "static int made;\n"
        "static void *get(size_t n) { void *p = malloc(n); if (!p) abort(); made++; return p; }\n"
        "int count(void) { return made; }"
    )
    _, report = rewrite(
        tmp_path, "conn->part = get(sizeof(struct part));", "free(conn->part);", extra
    )
    assert "get() does more than to pass on what its allocator gives" in reason_of(report, "part")
    assert any("stingygen again with --without part" in note for note in report.notes)


RECYCLING = """
static struct part *spare;
static int kept;
void note(int kept);
void part_free(struct part *part)
{
	*(struct part **)part = spare;
	spare = part;
	kept++;
	note(kept);
}
"""
PART_FREE = """[[constructs.free]]
function = "part_free"
arguments = ["O"]
"""


def test_a_release_that_only_keeps_is_refused(tmp_path: Path) -> None:
    """What Stingy gave would stay on the list for ever: nothing in it comes back."""
    annotations = make_server(
        tmp_path / "server",
        "conn->part = malloc(sizeof(struct part));",
        "part_free(conn->part);",
        RECYCLING,
    )
    annotations.write_text(ANNOTATIONS + PART_FREE)
    code, report = stingify(prepare(annotations, tmp_path / "made"), tmp_path / "out")
    assert code == 1
    assert "part_free() has no plain release of part inside" in reason_of(report, "part")
    text = (tmp_path / "out" / "source" / "server.c").read_text()
    assert "STINGY_PART" not in text


def test_a_release_that_keeps_some_and_releases_the_rest_is_rewritten(tmp_path: Path) -> None:
    annotations = make_server(
        tmp_path / "server",
        "conn->part = malloc(sizeof(struct part));",
        "part_free(conn->part);",
        RECYCLING.replace("{\n", "{\n\tif (kept > 9) {\n\t\tfree(part);\n\t\treturn;\n\t}\n", 1),
    )
    annotations.write_text(ANNOTATIONS + PART_FREE)
    _, report = stingify(prepare(annotations, tmp_path / "made"), tmp_path / "out")
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects


def test_an_array_of_requests_is_no_request(tmp_path: Path) -> None:
    extra = "int many(void);\nstatic struct conn *table;"
    allocate = "table = malloc(many() * sizeof(struct conn));"
    text, report = rewrite(tmp_path, allocate, "free(table);", extra)
    assert "stingy_alloc(STINGY_CONN)" in text
    assert "table = malloc(many() * sizeof(struct conn));" in text
    assert "has no bound" in reason_of(report, "conn_array")


def test_a_wrapper_that_only_allocates_is_replaced(tmp_path: Path) -> None:
    extra = "static void *get(size_t n) { return malloc(n); }"
    text, report = rewrite(
        tmp_path, "conn->part = get(sizeof(struct part));", "free(conn->part);", extra
    )
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert "conn->part = stingy_alloc(STINGY_PART);" in text


def test_a_source_that_changed_since_memwalk_is_refused(tmp_path: Path) -> None:
    annotations = make_server(
        tmp_path / "server", "conn->part = malloc(sizeof(struct part));", "free(conn->part);"
    )
    words = prepare(annotations, tmp_path / "made")
    source = tmp_path / "server" / "server.c"
    source.write_text("\n" + source.read_text())
    code, report = stingify(words, tmp_path / "out")
    assert code == 1
    assert "run memwalk again" in reason_of(report, "part")
    assert "stingy_" not in (tmp_path / "out" / "source" / "server.c").read_text()


def test_outputs_and_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations = make_server(tmp_path / "server", ";", ";")
    words = prepare(annotations, tmp_path / "made")
    code, report = stingify(words, tmp_path / "out", "--json")
    assert code == 0
    assert json.loads(capsys.readouterr().out)["server"] == "tiny"
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(site.before in page.replace("&#39;", "'") for site in report.sites)
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", str(tmp_path / "server" / "inside")])
    assert end.value.code == 2
    assert "outside of the server" in " ".join(capsys.readouterr().err.split())


def test_arguments_are_split_at_the_outer_commas() -> None:
    assert split_arguments("f(a, g(b, c), x[d, e])") == ["a", "g(b, c)", "x[d, e]"]
    assert split_arguments("f()") == []


def test_annotations_of_the_tiny_server_are_valid(tmp_path: Path) -> None:
    assert read_annotations(make_server(tmp_path / "s", "", "")).annotations.server.name == "tiny"


def test_a_question_about_an_object_is_no_rewriting(tmp_path: Path) -> None:
    (tmp_path / "query.c").write_text("return stingy_room(STINGY_CONN);\n")
    assert not find_already(tmp_path, {"conn": "STINGY_CONN"})
    (tmp_path / "conn.c").write_text("conn = stingy_alloc(STINGY_CONN);\n")
    assert [site.file for site in find_already(tmp_path, {"conn": "STINGY_CONN"})["conn"]] == [
        "conn.c"
    ]


def test_the_header_is_included_where_no_condition_leaves_it_out(tmp_path: Path) -> None:
    extra = "#ifdef ELSEWHERE\n#include <nowhere.h>\n#endif\n"
    text, report = rewrite(
        tmp_path, "conn->part = malloc(sizeof(struct part));", "free(conn->part);", extra
    )
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert text.index('#include "stingy.h"') < text.index("#ifdef ELSEWHERE")
