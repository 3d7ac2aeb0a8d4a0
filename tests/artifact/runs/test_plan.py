# SPDX-License-Identifier: MIT
"""Plans: what is run, in which order, and that a changed configuration does not pass unseen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import testbed
from artifact.cli import refuse_part
from artifact.runs.keys import (
    SERVERS,
    collect_code,
    collect_inputs,
    digest_code,
    digest_modules,
    find_key,
)
from artifact.runs.plan import Plan, load_plan, make_plan, record_plan
from artifact.runs.testbed_runner import digest_server
from artifact.study.designs import FOLDER, Design, Tier, find_designs, load_design, parse_design
from ground.errors import ArtifactError, UsageError
from testbed.experiment import Limits
from testbed.guest.servers import find_servers, load_server
from testbed.hardware.geometry_files import find_geometries


def test_first_seed_comes_first_and_the_rest_is_shuffled(plan: Plan) -> None:
    seeds = [run.seed for run in plan.runs]
    assert seeds[:10] == [1] * 10
    assert sorted(seeds[10:]) != seeds[10:]
    assert len(plan.keys) == len(plan.runs) == 2 * 5 * 5


def test_the_curve_with_the_most_levels_is_drawn_first() -> None:
    designs = [load_design(name) for name in ("ablation", "figure7", "figure1", "latency")]
    plan = make_plan(Tier.QUICK, designs, {})
    order = list(dict.fromkeys(run.design for run in plan.runs))
    assert order == ["latency", "figure1", "figure7", "ablation"]


def test_the_order_is_that_of_the_fixed_seed(design: Design, plan: Plan) -> None:
    assert make_plan(Tier.QUICK, [design], plan.products) == plan
    other = design.model_copy(update={"order_seed": 1})
    reordered = make_plan(Tier.QUICK, [other], plan.products)
    assert reordered.keys != plan.keys
    assert set(reordered.keys) == set(plan.keys)


def test_every_input_moves_the_key_and_limits_do_not(plan: Plan) -> None:
    run = plan.runs[0]
    assert find_key(collect_inputs(run.experiment, plan.products)) == run.key
    assert find_key(collect_inputs(run.experiment, {"qemu": "other"})) != run.key
    slower = run.experiment.model_copy(update={"limits": Limits(total_s=7)})
    assert find_key(collect_inputs(slower, plan.products)) == run.key
    core = run.experiment.core.model_copy(update={"clock_mhz": 1401})
    moved = run.experiment.model_copy(update={"core": core})
    assert find_key(collect_inputs(moved, plan.products)) != run.key


def test_only_the_description_of_the_server_that_runs_moves_the_key(plan: Plan) -> None:
    experiment = plan.runs[0].experiment

    def find(**descriptions: str) -> str:
        servers = {f"{SERVERS}{name}": digest for name, digest in descriptions.items()}
        return find_key(collect_inputs(experiment, {**plan.products, **servers}))

    own = find(**{experiment.server: "a"})
    assert own != find(**{experiment.server: "b"})
    assert own == find(**{experiment.server: "a", "another": "c"})


def test_a_description_is_digested_with_what_it_takes_from_others(
    tmp_path: Path,
) -> None:
    def digest() -> list[str]:
        return [digest_server(load_server(name, tmp_path)) for name in ("base", "other")]

    (tmp_path / "base.toml").write_text('start = "a"\nready = "b"\n')
    (tmp_path / "other.toml").write_text('extends = "base"\nload = "c"\n')
    before = digest()
    assert before[0] != before[1]
    (tmp_path / "base.toml").write_text('start = "a"\nready = "b"\ntitle = "a base"\n')
    assert before == digest()
    (tmp_path / "base.toml").write_text('start = "a"\nready = "true"\n')
    after = digest()
    assert not set(before) & set(after)


def test_shards_partition_the_plan(plan: Plan) -> None:
    parts = [plan.take_shard(i, 3).keys for i in (1, 2, 3)]
    assert sorted(key for part in parts for key in part) == sorted(plan.keys)
    with pytest.raises(UsageError, match="no shard 4/3"):
        plan.take_shard(4, 3)


def test_a_changed_plan_is_refused_with_the_difference(
    design: Design, plan: Plan, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    record_plan(plan, path)
    record_plan(plan, path)
    assert load_plan(path) == plan
    changed = make_plan(Tier.QUICK, [design], {"synthetic": "another build"})
    with pytest.raises(UsageError) as caught:
        record_plan(changed, path)
    assert "products changed: synthetic" in caught.value.message
    assert load_plan(path) == plan
    record_plan(changed, path, replan=True)
    assert load_plan(path) == changed


def test_a_part_of_a_tier_and_the_whole_are_no_other_configuration(tmp_path: Path) -> None:
    """Commands that name one experiment each are given one after the other, and then the tier."""
    path = tmp_path / "plan.json"
    all_designs = [load_design(name) for name in find_designs()]
    products = {"synthetic": "one build"}
    parts = {name: [d for d in all_designs if d.id == name] for name in ("figure7", "peak")}
    for designs in (*parts.values(), all_designs, parts["peak"]):
        plan = make_plan(Tier.FULL, designs, products)
        record_plan(plan, path)
        assert load_plan(path) == plan
    (peak,) = parts["peak"]
    longer = peak.model_copy(update={"seconds": 2 * peak.seconds})
    others = [d for d in all_designs if d.id != "peak"]
    for designs in ([longer], [*others, longer]):
        with pytest.raises(UsageError, match="the plan differs"):
            record_plan(make_plan(Tier.FULL, designs, products), path)
    assert load_plan(path) == plan


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe"])
def test_a_damaged_record_of_the_plan_is_told(plan: Plan, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(damage)
    with pytest.raises(UsageError, match=r"plan\.json is not a plan"):
        record_plan(plan, path)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("seeds = 5", "seeds"),
        ("levels = [1, 8, 40, 2500, 4500]", "levels"),
        ("[tier.quick]", "tier"),
        ('title = "A small experiment"', "title"),
    ],
)
def test_a_missing_part_is_named(design_text: str, broken: str, message: str) -> None:
    text = design_text.replace(broken, "" if broken != "[tier.quick]" else "[tier.quickest]")
    with pytest.raises(UsageError, match=message):
        parse_design(text, Path("small.toml"))


def test_wrong_paths_and_values_are_named(design: Design) -> None:
    base = design.variant[0]
    with pytest.raises(UsageError, match=r"core\.base_cip \(of base\): there is no such fi"):
        wrong = base.model_copy(update={"set": {"core.base_cip": "1"}})
        design.finalize_experiment("nginx", wrong, 8, 1)
    with pytest.raises(UsageError, match=r"variant\.0\.set\.core\.base_cpi"):
        wrong = base.model_copy(update={"set": {"core.base_cpi": "-1"}})
        design.finalize_experiment("nginx", wrong, 8, 1)


def test_the_designs_of_the_project_are_whole() -> None:
    assert {"footnote3", "latency", "sensitivity"} <= set(find_designs())
    for name in find_designs():
        design = load_design(name)
        for tier in design.tier:
            runs = make_plan(tier, [design], {}).runs
            assert runs
            assert all(run.experiment.load.kind == design.load for run in runs)
            served = {run.server for run in runs if not design.kind.program}
            assert served <= {*find_servers(), design.kind.partner}


def test_a_chase_measures_the_machine_of_each_variant_before_all_else() -> None:
    designs = [load_design("footnote3"), load_design("latency")]
    runs = make_plan(Tier.KICK, designs, {}).runs
    chases = [run for run in runs if run.experiment.load.kind == "chase"]
    assert list(runs[: len(chases)]) == chases
    assert [run.experiment.geometry.name for run in chases] == [run.variant for run in chases]
    assert {run.variant for run in chases} == set(find_geometries())


def test_a_chase_has_one_level() -> None:
    text = (FOLDER / "latency.toml").read_text()
    with pytest.raises(UsageError, match=r"levels = \[1\]"):
        parse_design(text.replace("levels = [1]", "levels = [1, 8]"), Path("latency.toml"))


def test_levels_may_have_fewer_seeds(design_text: str) -> None:
    sparse = design_text + "seeds_at = { 4500 = 2 }\n"
    runs = make_plan(Tier.QUICK, [parse_design(sparse, Path("small.toml"))], {}).runs
    assert len([run for run in runs if run.level == 4500]) == 2 * 2
    assert len([run for run in runs if run.level == 2500]) == 2 * 5
    for wrong in ("{ 7 = 2 }", "{ 4500 = 6 }"):
        with pytest.raises(UsageError, match="seeds_at"):
            parse_design(design_text + f"seeds_at = {wrong}\n", Path("small.toml"))


def test_variants_share_the_runs_they_have_in_common() -> None:
    designs = [load_design("footnote3"), load_design("sensitivity")]
    plan = make_plan(Tier.FULL, designs, {})
    seeds = designs[1].tier[Tier.FULL].seeds
    assert len(plan.keys) == len(plan.runs) - 2 * seeds  # nginx at 40 and 2500, base


DOC = '"""Doc."""\n'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a subpackage; `run` executes all of it but `show`."""
    files = {
        "__init__": DOC,
        "run": "from bed import window\nfrom bed.loads import KINDS\n",
        "window": "import bed.gates\n",
        "gates": f'{DOC}BOUND = 10  # why\n\ndef f() -> None:\n    """What."""\n',
        "loads/__init__": "from bed.loads.ab import Ab\nKINDS = [Ab]\n",
        "loads/ab": "import bed.loads.files\nclass Ab:\n    start = 1\n",
        "loads/files": "SIZE = 1\n",
        "show": "COLOUR = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / "bed" / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    return tmp_path / "bed"


@pytest.mark.parametrize(
    "name", ["__init__", "run", "window", "gates", "loads/__init__", "loads/ab", "loads/files"]
)
def test_the_code_digest_sees_meaning_alone_in_every_module(package: Path, name: str) -> None:
    before, path = digest_code(package, "run"), package / f"{name}.py"
    text = path.read_text()
    path.write_text(f'"""Another."""\n{text.removeprefix(DOC)}# a comment\n')
    assert digest_code(package, "run") == before
    path.write_text(text + "ADDED = 1\n")
    assert digest_code(package, "run") != before


def test_the_code_digest_leaves_out_what_is_not_executed(package: Path) -> None:
    before = digest_code(package, "run")
    (package / "show.py").write_text("COLOUR = 2\n")
    assert digest_code(package, "run") == before


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("from bed.lost import f", "'lost'"),
        ("import bed.loads.lost", r"'loads\.lost'"),
        ("from bed.loads.lost import f", r"'loads\.lost'"),
        ("from . import window", "relative"),
        ("from bed.loads import lost", r"'loads\.lost'"),
        ("from bed import bare", "'bare'"),
        ("from bed.bare import x", "'bare'"),
        ("from bed.bare.x import Y", "'bare'"),
        ("from importlib import import_module\nimport_module('bed.show')", "computed"),
    ],
)
def test_the_code_digest_refuses_what_it_cannot_find(
    package: Path, line: str, complaint: str
) -> None:
    (package / "bare").mkdir()  # a folder that is not a package
    (package / "bare" / "x.py").write_text("Y = 1\n")
    (package / "loads" / "ab.py").write_text(f"{line}\nAb = 1\n")
    with pytest.raises(ArtifactError, match=complaint):
        digest_code(package, "run")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The testbed's code, to be changed."""
    folder = tmp_path_factory.mktemp("code") / "testbed"
    shutil.copytree(Path(str(testbed.__file__)).parent, folder)
    return folder


def test_every_module_that_a_run_executes_moves_the_key(copied: Path) -> None:
    before, texts = digest_modules(copied, "run"), {}
    for path in copied.rglob("*.py"):
        texts[path] = path.read_text()
        path.write_text(f"{texts[path]}\nADDED = 1\n")
    after = digest_modules(copied, "run")
    assert before.keys() == after.keys()
    assert not [name for name, digest in before.items() if after[name] == digest]
    for path, text in texts.items():
        path.write_text(text)


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("the machine ended before its job did", "the job was cut off", False),
        ("{plan.name}: QEMU {how} {log.strip()}", "{plan.name}: {how}, {status}", False),
        ("Wait until all ``instances`` have ended well", "Wait for ``instances``", False),
        ("> self._limits.silence_s:", "> self._limits.silence_s + 1:", True),
        ("raise InfrastructureFailed", "raise SubjectFailed", True),
    ],
)
def test_words_of_errors_and_docstrings_move_no_key(
    copied: Path, old: str, new: str, moves: bool
) -> None:
    path = copied / "machines" / "monitor.py"
    text = path.read_text()
    assert old in text
    before = digest_modules(copied, "machines.monitor")["machines.monitor"]
    path.write_text(text.replace(old, new))
    after = digest_modules(copied, "machines.monitor")["machines.monitor"]
    path.write_text(text)
    assert (after != before) is moves


def test_no_module_that_a_run_executes_is_overlooked() -> None:
    """Against what Python itself imports, in a process of its own."""
    code = "import sys, testbed.run; print(*(n for n in sys.modules if n.startswith('testbed')))"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    executed = {name.removeprefix("testbed").lstrip(".") for name in printed.stdout.split()}
    assert {"", "gates", "gates.run", "loads.ab", "window"} <= executed
    assert executed == set(collect_code(Path(str(testbed.__file__)).parent, "run"))


def test_what_is_chosen_by_measurement_is_not_judged_in_the_same_seeds() -> None:
    """The design by which defaults are chosen shares no seed with any other."""
    seeds: dict[str, set[int]] = {}
    for name in find_designs():
        path = FOLDER / f"{name}.toml"
        scopes = parse_design(path.read_text(), path).tier.values()
        seeds[name] = {n for scope in scopes for at in scope.levels for n in scope.list_seeds(at)}
    chosen = seeds.pop("tuning")
    assert chosen
    assert not any(chosen & others for others in seeds.values())


def test_seeds_count_from_the_first(design: Design) -> None:
    scope = design.tier[Tier.QUICK].model_copy(update={"first_seed": 101, "seeds_at": {}})
    moved = design.model_copy(update={"tier": {Tier.QUICK: scope}})
    before = {run.seed for run in make_plan(Tier.QUICK, [design], {}).runs}
    after = {run.seed for run in make_plan(Tier.QUICK, [moved], {}).runs}
    assert after == {seed + 100 for seed in before}
    assert make_plan(Tier.QUICK, [moved], {}).seeds == len(before)


def test_a_search_begins_with_seed_1() -> None:
    text = (FOLDER / "peak.toml").read_text()
    with pytest.raises(UsageError, match="begins with first_seed = 1"):
        parse_design(text.replace("seeds = 5\n", "seeds = 5\nfirst_seed = 2\n"), Path("peak.toml"))


def test_the_plan_of_a_part_of_a_tier_makes_no_reference() -> None:
    designs = [load_design(name) for name in find_designs()]
    refuse_part(make_plan(Tier.QUICK, designs, {}))
    (one,) = (design for design in designs if design.id == "figure7")
    with pytest.raises(UsageError, match=r"part of the quick tier, without .* more"):
        refuse_part(make_plan(Tier.QUICK, [one], {}))
