# SPDX-License-Identifier: MIT
"""The whole pipeline on synthetic measurements: sweep, resume, shards, report, references."""

from __future__ import annotations

import html.parser
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from invoke.context import Context

from artifact import cli, tasks
from artifact import reproduce as reproduction
from artifact.judge import reference
from artifact.judge.results import load_results
from artifact.judge.verdicts import Judgement, judge
from artifact.paper.typesetting import RefusedError
from artifact.report.crate import NAME
from artifact.report.explorer import NAME as EXPLORER
from artifact.reproduce import (
    Conclusion,
    Order,
    ResultFolders,
    conclude,
    find_engine,
    parse_shard,
    parse_tier,
    plan_order,
    redraw,
    reproduce,
)
from artifact.runs.engines import CORES_A_RUN, LocalEngine
from artifact.runs.forecast import ASSUMED_ALONE_S, describe_time, forecast
from artifact.runs.keys import collect_inputs, find_key
from artifact.runs.plan import Plan, PlannedRun, load_plan, make_plan
from artifact.runs.rehearsal import Effect, SyntheticRunner
from artifact.runs.store import Cost, Store
from artifact.runs.worker import Task, perform
from artifact.study.claims import AnyClaim, load_claims
from artifact.study.designs import Tier, load_design
from artifact.study.loading import Study, load_study
from ground.errors import ExitCode, UsageError
from ground.files import digest_file
from ground.paths import PROJECT
from testbed.experiment import Experiment
from testbed.measurement import Measurement

ORDER = Order(tier=Tier.QUICK, study=load_study(["footnote3"]), jobs=2)
RUNNER = SyntheticRunner(noise=0.02)


@dataclass(frozen=True)
class FixedEngine(LocalEngine):
    """An engine whose runs keep ``slots`` cores busy, whatever host this is."""

    @property
    def busy_cores(self) -> float:
        return float(self.slots)


ALONE, TWO_AT_ONCE = FixedEngine(1), FixedEngine(2)


class Page(html.parser.HTMLParser):
    """Collects what the page links to and embeds, and checks that elements are closed."""

    VOID = {"meta", "img", "br", "link", "input"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.sources += [given["src"] or ""] if "src" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        self.ids |= {given["id"] or ""} if "id" in given else set()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> ResultFolders:
    """A finished quick tier."""
    folders = ResultFolders(tmp_path_factory.mktemp("out"))
    conclusion = reproduce(ORDER, RUNNER, folders)
    assert conclusion is not None
    assert conclusion.code is ExitCode.HOLDS
    return folders


def test_the_report_is_whole_and_needs_no_other_file(folders: ResultFolders) -> None:
    page = Page()
    page.feed((folders.find_folder(Tier.QUICK) / "report.html").read_text())
    assert not page.open
    drawn = {path.stem for path in (folders.find_folder(Tier.QUICK) / "figures").glob("*.svg")}
    assert len(page.sources) == len(set(page.sources)) == len(drawn)  # each figure once
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert page.links.count(EXPLORER) == 1
    assert (folders.find_folder(Tier.QUICK) / EXPLORER).is_file()
    inner = [link for link in page.links if link != EXPLORER]
    assert all(link.startswith("#") and link[1:] in page.ids for link in inner)
    for wanted in ("REPRODUCED", "Synthetic data", "assumed"):
        assert wanted in page.text
    assert "./invoke reproduce --tier quick --only footnote3" in page.text


def test_the_crate_describes_every_file(folders: ResultFolders) -> None:
    folder = folders.find_folder(Tier.QUICK)
    graph = json.loads((folder / NAME).read_bytes())["@graph"]
    files = {e["@id"]: e for e in graph if e["@type"] == "File"}
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(files) == present - {NAME}
    assert all(digest_file(folder / name) == e["sha256"] for name, e in files.items())
    root = next(e for e in graph if e["@id"] == "./")
    assert {part["@id"] for part in root["hasPart"]} == set(files)


def test_no_crate_of_earlier_files_stays(
    folders: ResultFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that cannot be made, or a paper that is refused, leaves changed files behind."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space")

    copy = ResultFolders(shutil.copytree(folders.root, tmp_path / "out"))
    crate = copy.find_folder(Tier.QUICK) / NAME
    own_paper = {"own": True, "draft": False, "record": False, "as_json": False}
    with pytest.raises(RefusedError):
        cli.run_paper("quick", copy, **own_paper)
    assert not crate.exists()
    redraw(Tier.QUICK, copy)
    assert crate.is_file()
    monkeypatch.setattr(reproduction, "write_report", fail)
    with pytest.raises(OSError, match="no space"):
        redraw(Tier.QUICK, copy)
    assert not crate.exists()


def test_drawing_again_gives_the_same_bytes(folders: ResultFolders) -> None:
    folder = folders.find_folder(Tier.QUICK)
    before = {p: digest_file(p) for p in folder.rglob("*") if p.is_file()}
    conclusion = redraw(Tier.QUICK, folders)
    assert conclusion.code is ExitCode.HOLDS
    assert {p: digest_file(p) for p in folder.rglob("*") if p.is_file()} == before
    assert json.loads(json.dumps(conclusion.to_json()))["exit_code"] == 0


def test_a_changed_effect_is_refused_then_contradicts(
    folders: ResultFolders, tmp_path: Path
) -> None:
    shutil.copytree(folders.root, tmp_path / "out")
    copy = ResultFolders(tmp_path / "out")
    flat = SyntheticRunner({s: Effect(spilled=0) for s in ("nginx", "lighttpd", "apache")})
    with pytest.raises(UsageError, match="differs from the one recorded"):
        reproduce(ORDER, flat, copy)
    conclusion = reproduce(Order(Tier.QUICK, load_study(["footnote3"]), replan=True), flat, copy)
    assert conclusion is not None
    assert conclusion.code is ExitCode.DOES_NOT_HOLD


def test_shards_make_a_whole(folders: ResultFolders, tmp_path: Path) -> None:
    out = ResultFolders(tmp_path)
    order = Order(Tier.QUICK, load_study(["footnote3"]), jobs=1)
    for i in (1, 2, 3):
        part = Order(Tier.QUICK, load_study(["footnote3"]), jobs=1, shard=(i, 3))
        assert reproduce(part, RUNNER, out) is None
    whole = reproduce(order, RUNNER, out)
    one = redraw(Tier.QUICK, folders)
    assert whole is not None
    assert whole.results.digest == one.results.digest
    assert whole.judgements == one.judgements


def test_a_tier_that_judges_nothing_cannot_pass_on_broken_runs(tmp_path: Path) -> None:
    order = Order(Tier.KICK, load_study(["footnote3"]))
    good = reproduce(order, RUNNER, ResultFolders(tmp_path / "good"))
    bad = reproduce(
        order, SyntheticRunner({"nginx": Effect(fails=100)}), ResultFolders(tmp_path / "bad")
    )
    assert good is not None
    assert bad is not None
    assert (good.code, bad.code) == (ExitCode.HOLDS, ExitCode.INCONCLUSIVE)


def test_estimates_come_from_measured_costs(folders: ResultFolders, tmp_path: Path) -> None:
    plan = plan_order(ORDER, RUNNER)
    nothing = forecast(plan, Store(tmp_path / "empty"), TWO_AT_ONCE)
    assert nothing.measured == 0
    assert len(nothing.run_s) == 75
    assert nothing.seconds == pytest.approx(sum(nothing.run_s.values()) / 2)
    assert 0 < nothing.first_s < nothing.seconds
    assert not forecast(plan, folders.store, TWO_AT_ONCE).run_s
    full = plan_order(Order(Tier.FULL, load_study(["footnote3"])), RUNNER)
    measured = forecast(full, folders.store, TWO_AT_ONCE)
    assert measured.measured == 75
    assert measured.seconds < nothing.seconds / 10  # synthetic runs take no time


def test_a_sweep_takes_its_processor_seconds_over_the_cores_that_it_keeps_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured with two runs at once; told for one, for two, and for more than fit."""
    plan = plan_order(Order(Tier.KICK, load_study(["latency"])), RUNNER)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    seconds = [forecast(plan, Store(tmp_path), LocalEngine(n)).seconds for n in (1, 2, 8)]
    work_s = 4 * ASSUMED_ALONE_S
    assert seconds == pytest.approx([work_s / CORES_A_RUN, work_s / 2, work_s / 2])


def test_a_run_is_charged_for_what_its_children_compute(tmp_path: Path) -> None:
    task = Task("", "spins", plan_order(ORDER, RUNNER).runs[0].experiment, tmp_path)
    runner = Spinning()
    key = find_key(collect_inputs(task.experiment, runner.products))
    done = perform(replace(task, key=key), runner)
    assert done.cost is not None
    assert done.cost.processor_s >= 0.3


@dataclass(frozen=True)
class Spinning(SyntheticRunner):
    """A child of a run computes for 0.3 processor seconds."""

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        """Spin, then measure."""
        code = "import time\nwhile time.process_time() < 0.3: pass"
        subprocess.run([sys.executable, "-c", code], check=True)
        return super().run(experiment, directory)


def test_chases_alone_tell_little_of_runs_under_load(tmp_path: Path) -> None:
    """Machines that were chased as fast as assumed: the others take as long as assumed, too."""
    chases = plan_order(Order(Tier.KICK, load_study(["latency"])), RUNNER)
    store = Store(tmp_path)
    _pretend(store, chases.runs, RUNNER.products, ASSUMED_ALONE_S)
    plan = plan_order(Order(Tier.KICK), RUNNER)
    known, fresh = (forecast(plan, found, ALONE) for found in (store, Store(tmp_path / "none")))
    assert known.measured == 4
    assert known.seconds == pytest.approx(fresh.seconds - 4 * ASSUMED_ALONE_S)
    assert known.bytes >= 3 << 20


def test_costs_of_other_machines_count_until_there_are_some_of_these(tmp_path: Path) -> None:
    """An emulator that is twice as fast must not be announced as slow as the one before it."""
    designs = [load_design("footnote3")]
    old, new = (make_plan(Tier.QUICK, designs, {"qemu": name}) for name in ("old", "new"))
    run, again = (r for r in new.runs if r.server == "nginx" and r.level == 40 and r.seed < 3)
    store = Store(tmp_path)
    _pretend(store, old.runs[:20], old.products, processor_s=80)
    before = forecast(new, store, ALONE)
    assert (before.measured, before.run_s[run.key]) == (20, 80)
    _pretend(store, [run], new.products, processor_s=40)
    after = forecast(new, store, ALONE)
    assert (after.measured, after.run_s[again.key]) == (1, 40)
    assert forecast(old, store, ALONE).measured == 20


def _pretend(
    store: Store, runs: Iterable[PlannedRun], products: Mapping[str, str], processor_s: float
) -> None:
    """Let ``store`` say what ``runs`` cost; there are no results."""
    for run in runs:
        folder = store.find_directory(run.key)
        folder.mkdir(parents=True)
        inputs = collect_inputs(run.experiment, products)
        (folder / "entry.json").write_text(json.dumps({"inputs": inputs}))
        cost = Cost(seconds=1, processor_s=processor_s, bytes=1000)
        (folder / "cost.json").write_text(cost.model_dump_json())


def test_the_first_curve_is_one_server_and_what_comes_before_it() -> None:
    plan = plan_order(Order(Tier.QUICK, load_study(["footnote3", "latency"])), RUNNER)
    found = forecast(plan, Store(Path("absent")), ALONE)
    wanted = [run for run in plan.runs if run.server in {"pchase", "nginx"} and run.seed == 1]
    assert len(wanted) == 4 + 5
    assert found.first_s == pytest.approx(sum(found.run_s[run.key] for run in wanted))


def test_the_first_curve_is_whole_although_other_designs_share_its_runs() -> None:
    plan = plan_order(Order(Tier.QUICK, load_study(["figure1", "figure7"])), RUNNER)
    found = forecast(plan, Store(Path("absent")), ALONE)
    wanted = [r for r in plan.runs if r.design == "figure1" and r.seed == 1]
    assert len(wanted) == 10
    assert found.first_s == pytest.approx(sum(found.run_s[run.key] for run in wanted))


def test_figures_are_drawn_whenever_a_curve_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the machines and after each server's first seed, not after each run, and not twice
    at the end."""
    seen: list[int] = []

    def count(
        plan: Plan, study: Study, folders: ResultFolders, *, quiet: bool = False
    ) -> Conclusion:
        seen.append(len(folders.store.find_keys()))
        return conclude(plan, study, folders, quiet=quiet)

    monkeypatch.setattr("artifact.reproduce.conclude", count)
    monkeypatch.setattr("artifact.runs.progress.SPACING_S", 0.0)
    monkeypatch.setattr("artifact.runs.progress.DRAWING_SHARE", math.inf)
    order = Order(Tier.QUICK, load_study(["footnote3", "latency"]), jobs=1)
    reproduce(order, RUNNER, ResultFolders(tmp_path))
    assert seen == [4, 9, 14, 19, 79]
    del seen[:]
    reproduce(order, RUNNER, ResultFolders(tmp_path))
    assert seen == [79]  # nothing new: drawn once, at the end


def test_times_are_for_people() -> None:
    assert [describe_time(s) for s in (3, 89, 600, 5000, 11_100)] == [
        "3 s", "89 s", "10 min", "83 min", "3 h 05 min",
    ]  # fmt: skip


def test_reference_digests(folders: ResultFolders, tmp_path: Path) -> None:
    """The same bytes, other bytes from the same sources, other sources, another experiment."""
    plan = load_plan(folders.find_folder(Tier.QUICK) / "plan.json")
    results = load_results(plan, folders.store)
    verdicts = judge(ORDER.study.claims, results)
    assert reference.write_reference(results, verdicts, tmp_path, "abc") == 75
    known = reference.load_reference(tmp_path)
    found = reference.compare(results, verdicts, known)
    assert set(found.matches.values()) == {reference.Match.SAME}
    assert len(found.matches) == 75
    assert reference.find_exit_code(found.matches) is ExitCode.HOLDS
    assert {reference.find_agreement(*pair) for pair in found.verdicts} == {
        reference.Agreement.SAME
    }
    wrong = replace(known, runs=known.runs.with_columns(digest=pl.lit("0" * 64)))
    found = reference.compare(results, verdicts, wrong)
    assert set(found.matches.values()) == {reference.Match.DIFFERENT}
    assert reference.find_exit_code(found.matches) is ExitCode.DOES_NOT_HOLD
    other = known.head.model_copy(update={"products": {"qemu": "other"}})
    found = reference.compare(results, verdicts, replace(wrong, head=other))
    assert set(found.matches.values()) == {reference.Match.OTHER_SOURCES}
    assert reference.find_exit_code(found.matches) is ExitCode.INCONCLUSIVE
    assert found.products == ("qemu", "synthetic")
    changed = replace(known, runs=known.runs.with_columns(experiment=pl.lit("")))
    found = reference.compare(results, verdicts, changed)
    assert set(found.matches.values()) == {reference.Match.CHANGED}


def test_a_reference_is_whole_and_small(folders: ResultFolders, tmp_path: Path) -> None:
    """It holds all numbers bit for bit, in files that a person can read."""
    results = load_results(load_plan(folders.find_folder(Tier.QUICK) / "plan.json"), folders.store)
    reference.write_reference(results, (), tmp_path / "kept", "abc")
    known = reference.load_reference(tmp_path / "kept")
    columns = [name for name in known.runs.columns if name != "experiment"]
    order = list(reference.IDENTITY)
    assert known.runs.select(columns).equals(results.runs.select(columns).sort(order))
    assert sum(path.stat().st_size for path in (tmp_path / "kept").iterdir()) < 80 * 1000
    holed = results.runs.with_columns(outcome=pl.lit("missing"))
    with pytest.raises(UsageError, match="75 runs of the quick tier are not stored"):
        reference.write_reference(replace(results, runs=holed), (), tmp_path, "abc")
    with pytest.raises(UsageError, match="no reference results"):
        reference.load_reference(tmp_path / "absent")
    table = tmp_path / "kept" / "runs.csv"
    pl.read_csv(table).drop("throughput").write_csv(table)  # older than that metric
    assert reference.load_reference(tmp_path / "kept").runs["throughput"].null_count() == 75
    pl.read_csv(table).drop("digest").write_csv(table)
    with pytest.raises(UsageError, match="no column digest"):
        reference.load_reference(tmp_path / "kept")
    (tmp_path / "kept" / "reference.json").write_text("{}")
    with pytest.raises(UsageError, match="no whole reference"):
        reference.load_reference(tmp_path / "kept")
    assert reference.find_reference(results.plan) is None  # a rehearsal


def test_the_report_shows_the_reference(
    folders: ResultFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = load_results(load_plan(folders.find_folder(Tier.QUICK) / "plan.json"), folders.store)
    verdicts = judge(ORDER.study.claims, results)
    reference.write_reference(results, verdicts, tmp_path, "0123456789abcdef")
    known = reference.load_reference(tmp_path)
    monkeypatch.setattr("artifact.reproduce.find_reference", lambda _: known)
    shutil.copytree(folders.root, tmp_path / "out")
    folders = ResultFolders(tmp_path / "out")
    conclusion = conclude(results.plan, ORDER.study, folders, quiet=True)
    text = conclusion.report.read_text()
    assert "reference (0123456789ab): runs: 75 same; 9 of 9 verdicts are the same" in text
    assert "intervals are apart" not in text


def test_agreement_is_about_intervals() -> None:
    def judgement(value: float | None, low: float | None, high: float | None) -> Judgement:
        return Judgement.model_construct(value=value, low=low, high=high)

    mine = judgement(1.2, 1.1, 1.3)
    for other, wanted in (
        (mine, reference.Agreement.SAME),
        (judgement(1.35, 1.25, 1.45), reference.Agreement.OVERLAPS),
        (judgement(1.5, 1.4, 1.6), reference.Agreement.APART),
        (judgement(1.25, None, None), reference.Agreement.OVERLAPS),
        (judgement(None, None, None), reference.Agreement.ABSENT),
        (None, reference.Agreement.ABSENT),
    ):
        assert reference.find_agreement(mine, other) is wanted


@pytest.mark.parametrize("text", ["2", "a/b", "1/", "/3", "0/2", "3/2"])
def test_wrong_flags_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError):
        parse_shard(text)
    with pytest.raises(UsageError):
        parse_tier(text)
    with pytest.raises(UsageError):
        find_engine(Order(jobs=-1))


def test_a_wrong_experiment_is_told_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_runner", lambda **_: pytest.fail("it would build"))
    with pytest.raises(SystemExit) as ended:
        tasks.reproduce(Context(), only="figure8", out=str(tmp_path))
    assert ended.value.code == ExitCode.USAGE
    assert "no experiment 'figure8'" in capsys.readouterr().err


def test_the_study_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is changed while the sweep goes on the plan's version is judged."""
    read: list[str] = []

    def note(path: Path) -> tuple[AnyClaim, ...]:
        read.append(path.name)
        return load_claims(path)

    monkeypatch.setattr("artifact.study.loading.load_claims", note)
    order = Order(Tier.KICK, load_study(["latency"]), jobs=1)
    reproduce(order, RUNNER, ResultFolders(tmp_path))
    assert read == ["claims.toml"]


def invoke(*words: str, out: Path) -> subprocess.CompletedProcess[str]:
    """The command as a user gives it."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "invoke"), *words],
        cwd=PROJECT,
        env=os.environ | {"ARTIFACT_OUT": str(out)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line(tmp_path: Path) -> None:
    first = invoke("reproduce", "--rehearse", "--tier", "kick", "--json", out=tmp_path)
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["runs"] == {"measured": 10}  # 6 under load, 4 machines by themselves
    assert Path(document["report"]).is_file()
    listed = invoke("results.list", "--rehearse", "--tier", "kick", "--json", out=tmp_path)
    assert len(json.loads(listed.stdout)) == 10
    estimate = invoke("estimate", "--rehearse", "--tier", "kick", "--json", out=tmp_path)
    assert json.loads(estimate.stdout)["missing"] == 0
    assert invoke("verify", "--rehearse", "--repeat", out=tmp_path).returncode == 0
    assert invoke("results.check", "--rehearse", out=tmp_path).returncode == 0
    entries = (tmp_path / "rehearsal/store/runs").glob("*/*/entry.json")
    entry = next(path for path in entries if b"nginx" in path.read_bytes())
    entry.write_bytes(entry.read_bytes().replace(b"nginx", b"ngimx", 1))
    damaged = invoke("results.check", "--rehearse", out=tmp_path)
    assert damaged.returncode == 1
    assert "entry.json has changed" in damaged.stderr
    assert invoke("results.gc", "--rehearse", out=tmp_path).returncode == 0
    wrong = invoke("reproduce", "--rehearse", "--tier", "kiss", out=tmp_path)
    assert wrong.returncode == 2
    assert "try: choose kick, quick or full" in wrong.stderr


def test_a_killed_command_goes_on_where_it_was(folders: ResultFolders, tmp_path: Path) -> None:
    """kill -9 of `reproduce` itself, then the same command again."""
    program = (
        "from pathlib import Path; import sys\n"
        "from artifact.reproduce import *; from artifact.runs.rehearsal import *\n"
        "if __name__ == '__main__':\n"
        "    order = Order(Tier.QUICK, load_study(['footnote3']), jobs=2)\n"
        "    runner = SyntheticRunner(noise=0.02, delay_s=0.05)\n"
        "    reproduce(order, runner, ResultFolders(Path(sys.argv[1])))\n"
    )
    script = tmp_path / "sweep.py"
    script.write_text(program)
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, str(script), str(out)], stderr=subprocess.DEVNULL) as p:
        deadline = time.monotonic() + 300
        while len(Store(out / "store").find_keys()) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(p.pid, signal.SIGKILL)
    before = len(Store(out / "store").find_keys())
    assert 10 <= before < 75
    conclusion = reproduce(ORDER, RUNNER, ResultFolders(out))
    assert conclusion is not None
    assert conclusion.results.digest == redraw(Tier.QUICK, folders).results.digest
