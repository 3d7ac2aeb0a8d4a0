# SPDX-License-Identifier: MIT
"""Would a test notice?  Mistakes that TUX once made are put back into its sources, one by one.

``python -m tests.tux.mends`` works on a copy and prints, for each, how many tests failed.  One that
no test notices is a gap: exit code 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ground.paths import PROJECT

MARKS = "not real and not slow and not deep"
COPIED = ("src", "tests", "images", "pyproject.toml")


@dataclass(frozen=True)
class Mistake:
    """One text in one of TUX's sources, what stood there instead, and who has to notice."""

    name: str
    file: str
    text: str
    instead: str
    tests: str
    select: str = ""


MISTAKES = (
    Mistake(
        "a redirection that fits no page is reset",
        "http.c",
        "if (ret == 301 && !slash_reply_fits(req))",
        "if (0)",
        "test_limits.py",
        "test_long_redirections",
    ),
    Mistake(
        "a file is a host",
        "http.c",
        "if (ret || (d_is_dir(root->dentry) && !path_equal(root, &tux_server.root)))",
        "if (1)",
        "test_places.py",
        "only_directories or without_a_default",
    ),
    Mistake(
        "a link to the document root is a host",
        "http.c",
        " && !path_equal(root, &tux_server.root)",
        "",
        "test_places.py",
        "only_directories",
    ),
    Mistake(
        "the default host may be a file",
        "http.c",
        'ret = find_host("default", cachemiss, root);',
        'ret = lookup_path(&tux_server.root, "default", cachemiss, root);',
        "test_places.py",
        "without_a_default",
    ),
    Mistake(
        "who sends a body is cut off",
        "close.c",
        "if ((!req->linger && !input_pending(req)) || output_failed(req)) {",
        "if (1) {",
        "test_bodies.py",
        "large_body",
    ),
    Mistake(
        "bodies are read for ever",
        "close.c",
        "if (req->expired || rest <= 0 || input_over(req) || req->lingered > tux_knobs.max_linger)",
        "if (input_over(req))",
        "test_bodies.py",
        "bounds or silence",
    ),
    Mistake(
        "Last-Modified may lie ahead of Date",
        "reply.c",
        "min_t(s64, version->modified, req->thread->date_seconds)",
        "version->modified",
        "test_fields.py",
        "never_later",
    ),
    Mistake(
        "a file may shrink while it is sent",
        "output.c",
        "return i_size_read(file_inode(req->file)) < req->body_end;",
        "return false;",
        "test_shrinking.py",
        "",
    ),
    Mistake(
        "a file may shrink while its last page is sent",
        "output.c",
        "return has_shrunk(req) ? -EIO : 0;",
        "return 0;",
        "test_shrinking.py",
        "",
    ),
    Mistake(
        "the log has the file's size",
        "log.c",
        "s64 sent = req->body_next - req->body_start;",
        "s64 sent = req->file ? i_size_read(file_inode(req->file)) : 0;",
        "test_log.py",
        "bytes_are or cut_off",
    ),
    Mistake(
        "the log takes constant texts for nothing",
        "reply.c",
        "req->body_next = length;",
        "",
        "test_log.py",
        "bytes_are",
    ),
    Mistake(
        "what is given up has no line in the log",
        "close.c",
        "\t\tlog_request(req);\n\t\treset_on_close",
        "\t\treset_on_close",
        "test_log.py",
        "cut_off or every_end",
    ),
    Mistake(
        "the log is not opened anew",
        "log.c",
        "\tif (READ_ONCE(reopen)) {",
        "\tif (0) {",
        "test_log.py",
        "rotation",
    ),
    Mistake(
        "no head may be longer than its slot",
        "input.c",
        "if (req->long_head || READ_ONCE(tux_knobs.long_header_len) <= req->header_size)",
        "if (1)",
        "test_limits.py",
        "browsers or length_of_the_head",
    ),
    Mistake(
        "of a list on several lines the first one counts",
        "conditions.c",
        "\tif (likely(!req->message.repeated))\n\t\treturn named;",
        "\treturn named;",
        "test_fields.py",
        "several_lines",
    ),
    Mistake(
        "of two dates the first one counts",
        "parse.c",
        "kept->length = 0;\t/* which is no date */",
        "",
        "test_comparison.py",
        "twice",
    ),
    Mistake(
        "two dates are refused",
        "parse.c",
        "return field->again == REFUSE ? 400 : 0;",
        "return field->again == REFUSE || field->again == VOID ? 400 : 0;",
        "test_comparison.py",
        "twice",
    ),
    Mistake(
        "no date lies before 1900",
        "date.c",
        "return parts->year >= 1 &&",
        "return parts->year >= 1900 &&",
        "test_comparison.py",
        "Unmodified",
    ),
    Mistake(
        "any text is a host",
        "authority.c",
        "\tconst char *end = text + length;\n\n\tif (length && *text == '[') {",
        "\tconst char *end = text + length;\n\n\treturn true;\n\tif (length && *text == '[') {",
        "test_comparison.py",
        "Host or absolute",
    ),
    Mistake(
        "what follows a percent sign is not looked at",
        "authority.c",
        "end - text > 2 && is_hex(text[1]) && is_hex(text[2]))\n\t\t\ttext += 3;",
        "1)\n\t\t\ttext++;",
        "test_comparison.py",
        "Host or absolute",
    ),
    Mistake(
        "an empty file has no last byte to be asked for",
        "range.c",
        "byte to name */\n\t\t\treturn TUX_RANGE_NONE;",
        "byte to name */\n\t\t\treturn TUX_RANGE_UNSATISFIABLE;",
        "test_comparison.py",
        "suffix",
    ),
    Mistake(
        "If-Range may be a list",
        "conditions.c",
        "\treturn !version->weak && field",
        "\tif (list_names(req, field, version, false))\n\t\treturn true;\n"
        "\treturn !version->weak && field",
        "test_fields.py",
        "names_one_tag",
    ),
    Mistake(
        "an empty member of Expect is an expectation",
        "parse.c",
        'if (end > start && !equals(value + start, end - start, "100-continue"))',
        'if (!equals(value + start, end - start, "100-continue"))',
        "test_comparison.py",
        "Expect",
    ),
    Mistake(
        "100-continue may come once",
        "parse.c",
        'if (end > start && !equals(value + start, end - start, "100-continue"))',
        'if (end > start && !equals(value, length, "100-continue"))',
        "test_comparison.py",
        "Expect",
    ),
    Mistake(
        "a backslash gets into a Location",
        "reply.c",
        "return memchr(unsafe, c, sizeof(unsafe) - 1);",
        "return false;",
        "test_fields.py",
        "stays_here",
    ),
    Mistake(
        "a Location may begin with two slashes",
        "reply.c",
        "while (length > 1 && path[1] == '/') {",
        "while (0) {",
        "test_fields.py",
        "stays_here or steered",
    ),
    Mistake(
        "a tag is always strong",
        "reply.c",
        "version.weak = version.modified >= ktime_get_real_seconds() - CLOCK_RESOLUTION;",
        "version.weak = false;",
        "test_fields.py",
        "unseen",
    ),
    Mistake(
        "a weak tag has the text of the strong one",
        "reply.c",
        '\tif (version->weak)\n\t\tto = PUT(to, "-new");',
        "",
        "test_fields.py",
        "unseen",
    ),
    Mistake(
        "a tag tells the inode",
        "reply.c",
        "\tmake_etag(&version);\n\treq",
        "\tversion.size ^= inode->i_ino;\n\tmake_etag(&version);\n"
        "\tversion.size ^= inode->i_ino;\n\treq",
        "test_fields.py",
        "mirrors or stable",
    ),
    Mistake(
        "the knob adds no types",
        "mime.c",
        "if (unlikely(more.number)) {",
        "if (0) {",
        "test_fields.py",
        "knob",
    ),
    Mistake(
        "a type of today is not known",
        "mime.c",
        '{ "m4a", "audio/mp4" },',
        "",
        "test_fields.py",
        "today",
    ),
    Mistake(
        "an idle connection stays for ever",
        "sysctl.c",
        ".keepalive_timeout = 75",
        ".keepalive_timeout = 0",
        "test_knobs.py",
        "",
    ),
)


def copy_project(folder: Path) -> None:
    """What the tests need of this project, into ``folder``."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True)
        else:
            shutil.copyfile(source, folder / name)


def count_failures(project: Path, mistake: Mistake) -> int:
    """How many of the tests of TUX as a process fail with ``mistake``, up to the third."""
    path = project / "src" / "tux" / mistake.file
    right = path.read_text()
    assert right.count(mistake.text) == 1, f"{mistake.file} has changed: {mistake.text}"
    path.write_text(right.replace(mistake.text, mistake.instead))
    try:
        return run_tests(project, mistake)
    finally:
        path.write_text(right)


def run_tests(project: Path, mistake: Mistake) -> int:
    """How many fail."""
    argv = [sys.executable, "-m", "pytest", "-q", "-m", MARKS, "--maxfail=3"]
    argv += ["-p", "no:cacheprovider", *(f"tests/tux/{name}" for name in mistake.tests.split())]
    argv += ["-k", mistake.select] if mistake.select else []
    environment = {**os.environ, "PYTHONPATH": f"{project / 'src'}:{project}"}
    ran = subprocess.run(
        argv, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    found = re.search(r"(\d+) failed", ran.stdout)
    return int(found[1]) if found else 0


def main() -> int:
    """Make each mistake; 1 if there is one that no test noticed."""
    parser = argparse.ArgumentParser(prog="tests.tux.mends", description=__doc__)
    parser.add_argument("--only", type=int, action="append", help="a number of the table")
    chosen = parser.parse_args().only or range(len(MISTAKES))
    unseen = 0
    with tempfile.TemporaryDirectory(prefix="tux-mends-") as folder:
        copy_project(Path(folder))
        for number in chosen:
            failures = count_failures(Path(folder), MISTAKES[number])
            unseen += not failures
            print(f"{number}: {MISTAKES[number].name}: {failures} failed", flush=True)
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
