# SPDX-License-Identifier: MIT
"""Stingy's commands on one server, as a user types them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from checks.gallery.servers import (
    ANNOTATIONS,
    Analysis,
    Proposal,
    Rewriting,
    summarise,
)
from checks.gallery.workshop import OWN_CODE, Workshop
from ground import process
from ground.documents import parse_toml
from stingy.model.results import Memwalk
from stingy.stingify.report import RewriteReport
from stingy.stingify.sites import Status
from stingy.stingygen.map import load_map

GEOMETRY = "banias-1400"
MOST_S = 660.0  # a command is interrupted after that


def propose(workshop: Workshop) -> Proposal:
    """`memwalk init` on the tree as it was built, without any help."""
    out = workshop.folder / "init.toml"
    result, taken = _run_limited(
        workshop, "init", "memwalk", "init", "--root", workshop.source, "--out", out, "--force"
    )
    text = out.read_text() if out.is_file() else ""
    task = parse_toml(text, out)["requests"]["task"] if text else ""
    told = re.findall(r"^  to do: (.*)$", result, re.MULTILINE)
    return Proposal(
        seconds=taken["seconds"],
        task="" if task == "FILL_IN" else task,
        to_do=tuple(told) or (() if text else (_last_words(result),)),
    )


def analyse(workshop: Workshop, name: str) -> Analysis:
    """memwalk with one of our annotation files, then stingygen and stingify."""
    out = workshop.folder / name
    result_file = out / "memwalk.json"
    result_file.unlink(missing_ok=True)
    budget = ["--budget", workshop.server.budget] if workshop.server.budget else []
    text, taken = _run_limited(
        workshop, name, "memwalk", ANNOTATIONS / f"{name}.toml", "--root", workshop.source,
        "--out", out, "--quiet", "--fresh", *budget,
    )  # fmt: skip
    seconds, megabytes = taken["seconds"], int(taken["megabytes"])
    if not result_file.is_file():
        return Analysis(
            annotations=name, seconds=seconds, megabytes=megabytes, problem=_last_words(text)
        )
    result = Memwalk.model_validate_json(result_file.read_bytes())
    found = summarise(name, result, seconds, megabytes)
    if result.partial:
        return found
    return found.model_copy(update={"rewriting": rewrite(workshop, name, out)})


def rewrite(workshop: Workshop, name: str, out: Path) -> Rewriting:
    """stingygen and stingify on a result, and the build of what they wrote."""
    without = [word for one in workshop.server.without for word in ("--without", one)]
    text, _ = _run_limited(
        workshop, f"{name}-generate", "stingygen", out / "memwalk.json", "--out", out / "stingy",
        "--geometry", GEOMETRY, *without,
    )  # fmt: skip
    if not (out / "stingy" / "map.json").is_file():
        return Rewriting(problem=_last_words(text))
    report_file = out / "new" / "report.json"
    report_file.unlink(missing_ok=True)
    text, _ = _run_limited(
        workshop, f"{name}-rewrite", "stingify", ANNOTATIONS / f"{name}.toml",
        "--root", workshop.source, "--result", out / "memwalk.json",
        "--allocator", out / "stingy", "--out", out / "new",
    )  # fmt: skip
    if not report_file.is_file():
        return Rewriting(problem=_last_words(text))
    report = RewriteReport.model_validate_json(report_file.read_bytes())
    done = tuple(o.object for o in report.objects if o.status is Status.REWRITTEN)
    return Rewriting(
        rewritten=done,
        refused={o.object: o.reason for o in report.objects if o.status is Status.REFUSED},
        builds=_build(workshop, out / "new" / "source") if done else None,
        requests=load_map(out / "stingy" / "map.json").requests_in_cache,
    )


def _build(workshop: Workshop, copy: Path) -> bool | None:
    """Whether the rewritten copy is built by the server's own build system."""
    if not workshop.server.rewritten:
        return None
    lines = "set -e\n" + "\n".join(workshop.server.rewritten)
    log = workshop.folder / "rewritten.log"
    log.unlink(missing_ok=True)
    return process.run(["sh", "-c", lines], cwd=copy, log=log, check=False).returncode == 0


def _run_limited(
    workshop: Workshop, step: str, tool: str, *words: object
) -> tuple[str, dict[str, float]]:
    """Run a command as a patient user would; what it said, and what it took."""
    log, taken = workshop.folder / f"{step}.log", workshop.folder / f"{step}.taken.json"
    log.unlink(missing_ok=True)
    command = [process.find_own_program(tool), *words]
    process.run(
        [sys.executable, "-m", "checks.gallery.limited", str(MOST_S), taken, *map(str, command)],
        cwd=workshop.folder, env=OWN_CODE, log=log, check=False,
    )  # fmt: skip
    return log.read_text(errors="replace"), json.loads(taken.read_text())


def _last_words(text: str) -> str:
    """What a command that failed said last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return " ".join(errors[-1:] or lines[-1:])
