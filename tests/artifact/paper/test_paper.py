# SPDX-License-Identifier: MIT
"""The paper: what it says is held against the numbers, and what they do not bear is refused.

The numbers here are invented so that every sentence of the paper is true; each test then takes one
away, or turns it round.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

from artifact.paper.bindings import (
    ONCE,
    PREDICATES,
    VERDICTS,
    Problem,
    Use,
    check_use,
    check_uses,
)
from artifact.paper.difference import Move, find_changes, write_difference
from artifact.paper.facts import Fact, find_fact, load_facts, load_originals
from artifact.paper.numbers import COUNT, Number, Numbers, State, collect_numbers, load_numbers
from artifact.paper.pictures import draw_reference
from artifact.paper.production import DRAFT, PDF, list_figures, produce
from artifact.paper.quantities import (
    Broken,
    OriginShare,
    Point,
    Searched,
    find_quantity,
    load_quantities,
)
from artifact.paper.stored import take_reference
from artifact.paper.typesetting import (
    FOLDER,
    RefusedError,
    Survey,
    Typesetter,
    find_clash,
    typeset,
)
from artifact.paper.wording import write_macros, write_number, write_plain
from artifact.runs.bisection import Bracket
from artifact.runs.plan import make_plan
from artifact.runs.searches import NoPeak, Peak, restore_brackets, tabulate_brackets
from artifact.study.claims import load_claims
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier, load_design
from ground import process
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import digest_bytes
from ground.paths import PROJECT

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
    'viewBox="0 0 {width} {height}"><rect width="{width}" height="{height}" fill="#ddd"/></svg>'
)
PLACES = {"rises": (1.3, 1.2, 1.4), "falls": (0.6, 0.5, 0.7), "same": (1.0, 0.99, 1.01),
          "most": (0.8, 0.7, 0.9), "few": (0.02, 0.01, 0.03)}  # fmt: skip
NAMES = [f"{claim.id}/{server}" for claim in load_claims() for server in claim.servers]
MEANT = {
    "reproduced": {Verdict.REPRODUCED},
    "direction": {Verdict.DIRECTION},
    "holds": {Verdict.REPRODUCED, Verdict.DIRECTION},
    "contradicted": {Verdict.CONTRADICTED},
    "inconclusive": {Verdict.INCONCLUSIVE},
}


def find_verdict(predicates: set[str]) -> Verdict:
    """One that is all that sentences say of it."""
    return next(
        verdict
        for verdict in Verdict
        if all(VERDICTS[p](Number(state=State.MEASURED, verdict=verdict))
               for p in predicates & VERDICTS.keys())
    )  # fmt: skip


def invent(name: str, predicates: set[str]) -> Number:
    """A number of which ``predicates`` are true."""
    relation = next(iter(sorted(predicates - VERDICTS.keys())), "rises")
    value, low, high = PLACES[relation.removeprefix(ONCE)]
    if relation.startswith(ONCE):
        return Number(state=State.MEASURED, value=value, seeds=1)
    number = Number(state=State.MEASURED, value=value, low=low, high=high, seeds=5)
    if name.startswith(("verdicts.", "runs.", "seeds.")):
        return Number(state=State.MEASURED, value=7, measured=COUNT)
    if name in NAMES:
        words = {"verdict": find_verdict(predicates), "statement": "It is so."}
        return number.model_copy(update=words)
    return number


def assemble(known: dict[str, Number], *, synthetic: bool = False) -> Numbers:
    """``known`` as the numbers of a tier."""
    return Numbers(
        tier="full", commit="0" * 40, results="1" * 64, synthetic=synthetic, numbers=known
    )


@pytest.fixture(scope="module")
def survey() -> Survey:
    """What the paper uses, which hangs on no number."""
    verdict = {"verdict": Verdict.REPRODUCED, "statement": "It is so."}
    known = {name: Number(state=State.MEASURED, **verdict) for name in NAMES}
    with Typesetter(assemble(known)) as setter:
        return setter.survey()


@pytest.fixture(scope="module")
def numbers(survey: Survey) -> Numbers:
    """Numbers of which every sentence of the paper is true."""
    said: dict[str, set[str]] = {name: set() for name in NAMES}
    for use in survey.uses:
        said.setdefault(use.name, set()).update(use.predicates)
    return assemble({name: invent(name, predicates) for name, predicates in said.items()})


@pytest.fixture(scope="module")
def figures(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All figures of the paper, blank."""
    folder = tmp_path_factory.mktemp("figures")
    for name in survey.figures:
        width = 518 if name.endswith(("waiting", "course")) else 252
        (folder / f"{name}.svg").write_text(PICTURE.format(width=width, height=200))
    return folder


def without(numbers: Numbers, name: str) -> Numbers:
    rest = {key: number for key, number in numbers.numbers.items() if key != name}
    return numbers.model_copy(update={"numbers": rest})


def replace(numbers: Numbers, name: str, **changes: object) -> Numbers:
    changed = {name: numbers.numbers[name].model_copy(update=changes)}
    return numbers.model_copy(update={"numbers": numbers.numbers | changed})


def turn_round(number: Number) -> dict[str, object]:
    """The opposite verdict, and the interval on the other side of 1."""
    value, low, high = PLACES["falls" if (number.low or 0) >= 0.99 else "rises"]
    for verdict in (Verdict.CONTRADICTED, Verdict.REPRODUCED):
        if verdict is not number.verdict:
            return {"verdict": verdict, "value": value, "low": low, "high": high}
    raise AssertionError


def list_sentences(survey: Survey, name: str) -> set[str]:
    """Sentences that assert something of the number ``name``."""
    return {use.text for use in survey.uses if use.name == name and {*use.predicates} - {"judged"}}


@pytest.fixture(scope="module")
def pdf(numbers: Numbers, figures: Path) -> bytes:
    """The paper itself."""
    paper = typeset(numbers, figures, draft=False)
    assert paper.problems == ()
    return paper.pdf


def test_the_paper_is_archivable_and_accessible_by_its_own_account(pdf: bytes) -> None:
    assert pdf.startswith(b"%PDF-1.7")
    metadata = pdf.decode("latin-1")
    assert re.search(r"pdfaid:part[>=\"]+2", metadata)
    assert re.search(r"pdfaid:conformance[>=\"]+A", metadata)
    assert re.search(r"pdfuaid:part[>=\"]+1", metadata)


def test_the_same_bytes_in_another_folder_zone_and_locale(
    pdf: bytes, numbers: Numbers, figures: Path, tmp_path: Path
) -> None:
    numbers.write(tmp_path / "numbers.json")
    source = tmp_path / "a, b=c \N{LATIN SMALL LETTER U WITH DIAERESIS}"
    shutil.copytree(FOLDER, source)
    script = (
        "import hashlib, pathlib, sys; from artifact.paper.numbers import load_numbers; "
        "from artifact.paper.typesetting import typeset; "
        "n, f, s = map(pathlib.Path, sys.argv[1:]); "
        "print(hashlib.sha256(typeset(load_numbers(n), f, draft=False, source=s).pdf).hexdigest())"
    )
    again = process.run(
        [sys.executable, "-c", script, *map(str, (tmp_path / "numbers.json", figures, source))],
        cwd=tmp_path,
        env={"TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert again.stdout.strip() == digest_bytes(pdf)


def test_no_sentence_goes_away_with_its_number(survey: Survey) -> None:
    """So what is found in one survey is what the build finds, whatever is missing or turned round:
    only the table of verdicts is as long as there are verdicts."""
    table = "the table of verdicts"
    turned = {"verdict": Verdict.CONTRADICTED, "statement": "It is so."}
    flipped = {name: Number(state=State.MEASURED, **turned) for name in NAMES}
    with Typesetter(assemble(flipped)) as setter:
        assert setter.survey() == survey
        setter.numbers = assemble({})
        bare = setter.survey()
    assert bare.figures == survey.figures
    assert bare.uses == tuple(use for use in survey.uses if use.text != table)
    assert {use.name for use in survey.uses if use.text == table} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_without_a_verdict_the_paper_is_refused_with_name_and_sentence(
    name: str, survey: Survey, numbers: Numbers
) -> None:
    sentences = list_sentences(survey, name)
    assert sentences, "no sentence says what this verdict is"
    found = check_uses(survey.uses, without(numbers, name).numbers)
    assert {problem.name for problem in found} == {name}
    assert sentences <= {problem.text for problem in found}
    assert all(problem.missing for problem in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_that_is_turned_round_breaks_the_sentences_that_rest_on_it(
    name: str, survey: Survey, numbers: Numbers
) -> None:
    flipped = replace(numbers, name, **turn_round(numbers.numbers[name]))
    found = check_uses(survey.uses, flipped.numbers)
    assert {problem.name for problem in found} == {name}
    assert {problem.text for problem in found} == list_sentences(survey, name)
    assert not any(problem.missing for problem in found)
    assert all("the results say" in problem.why for problem in found)


def test_every_other_verdict_breaks_just_the_sentences_that_do_not_mean_it(
    survey: Survey, numbers: Numbers
) -> None:
    for name in NAMES:
        for verdict in set(Verdict) - {Verdict.NOT_JUDGED}:
            wrong = {
                use.text
                for use in survey.uses
                if use.name == name
                and any(verdict not in MEANT[word] for word in use.predicates if word in MEANT)
            }
            found = check_uses(survey.uses, replace(numbers, name, verdict=verdict).numbers)
            assert {problem.text for problem in found} == wrong
        unjudged = replace(numbers, name, state=State.NOT_JUDGED, verdict=Verdict.NOT_JUDGED)
        found = check_uses(survey.uses, unjudged.numbers)
        assert list_sentences(survey, name) <= {problem.text for problem in found}


def test_without_any_number_of_its_own_the_paper_is_refused(
    survey: Survey, numbers: Numbers
) -> None:
    """Verdicts and quantities, asserted or printed; each sentence that has the number is named."""
    for name in {use.name for use in survey.uses}:
        found = check_uses(survey.uses, without(numbers, name).numbers)
        sentences = {use.text for use in survey.uses if use.name == name}
        assert {problem.text for problem in found} == sentences
        assert all(problem.missing and problem.name == name for problem in found)


def test_nothing_is_named_for_the_paper_that_it_does_not_use(survey: Survey) -> None:
    used = {use.name for use in survey.uses}
    assert [q.name for q in load_quantities(FOLDER) if q.name not in used] == []
    text = "".join(path.read_text() for path in FOLDER.rglob("*.typ"))
    assert [name for name in load_facts(FOLDER) if f'fact("{name}")' not in text] == []
    assert [name for name in load_originals(FOLDER) if f'orig("{name}")' not in text] == []


def test_what_is_said_of_one_run_is_said_of_no_interval() -> None:
    use = Use("a", ("once-rises",), "It rises.")
    once = Number(state=State.MEASURED, value=1.2, seeds=1)
    assert check_use(use, {"a": once}) is None
    fallen = check_use(use, {"a": once.model_copy(update={"value": 0.9})})
    assert fallen is not None
    assert fallen.why == "the sentence says above 1 in one run, the results say 0.900 in one run"
    twice = once.model_copy(update={"seeds": 2, "low": 1.1, "high": 1.3})
    assert check_use(use, {"a": twice})
    assert check_use(Use("a", ("rises",), "It rises."), {"a": once})


def test_every_number_that_is_asserted_breaks_the_paper_when_it_is_another(
    survey: Survey, numbers: Numbers
) -> None:
    """Quantities, too: their intervals on the other side, or none."""
    asserted = {use.name for use in survey.uses if {*use.predicates} - VERDICTS.keys()}
    assert len(asserted) > 30
    for name in asserted:
        for low, high in ((None, None), (0.2, 3.0)):
            changed = replace(numbers, name, low=low, high=high, seeds=5)
            found = check_uses(survey.uses, changed.numbers)
            assert {problem.name for problem in found} == {name}


@pytest.mark.parametrize("state", [State.SYNTHETIC, State.NOT_JUDGED, State.MISSING])
def test_a_number_that_is_not_measured_is_refused(
    state: State, survey: Survey, numbers: Numbers
) -> None:
    changed = replace(numbers, "stock.throughput", state=state, reason="of old")
    (problem,) = check_uses(survey.uses, changed.numbers)
    assert str(state) in problem.why
    assert "In requests a second" not in problem.text
    assert "(stock)" in problem.text


def test_refusal_says_all_of_it_and_a_draft_is_marked(
    numbers: Numbers, figures: Path, tmp_path: Path
) -> None:
    name = "stingy.throughput/tux-stingy-net"
    broken = without(replace(numbers, name, verdict=Verdict.CONTRADICTED), "net.held")
    with pytest.raises(RefusedError) as refusal:
        produce(broken, figures, tmp_path, draft=False)
    assert refusal.value.code is ExitCode.DOES_NOT_HOLD
    assert "--draft" in refusal.value.hint
    assert "With admission at the SYN the ratios are" in refusal.value.message
    assert "net.held: no such number" in refusal.value.message
    assert not list(tmp_path.glob("*.pdf"))
    made = produce(broken, figures, tmp_path, draft=True)
    assert made.pdf.name == DRAFT
    assert {problem.name for problem in made.problems} == {name, "net.held"}
    whole = produce(numbers, figures, tmp_path, draft=False)
    assert whole.pdf.name == PDF
    assert not (tmp_path / DRAFT).exists()
    assert "\\@namedef{ts@verdict@" in (tmp_path / "numbers.tex").read_text()


def test_synthetic_numbers_never_make_a_paper(
    numbers: Numbers, figures: Path, tmp_path: Path
) -> None:
    rehearsed = assemble(
        {
            name: number.model_copy(update={"state": State.SYNTHETIC})
            for name, number in numbers.numbers.items()
        },
        synthetic=True,
    )
    with pytest.raises(RefusedError, match="synthetic"):
        typeset(rehearsed, figures, draft=False)
    with Typesetter(rehearsed) as setter:
        assert '"mode":"draft"' in (setter.compile(figures, (), ()) and read_data(setter))


def read_data(setter: Typesetter) -> str:
    return (setter.stage / "data.json").read_text()


def test_typst_itself_refuses_a_number_that_is_not_there(numbers: Numbers, figures: Path) -> None:
    lacking = without(numbers, "stock.plateau")
    refusal = pytest.raises(ArtifactError, match=r"stock\.plateau: there is no measured value")
    with Typesetter(lacking) as setter, refusal:
        setter.compile(figures, setter.survey().figures, ())


@pytest.mark.parametrize(
    "fault",
    [
        ("template.typ", 'font: "Libertinus Serif"', 'font: "Times of Nowhere"', "unknown font"),
        ("text/5-results.typ", r'"figure7-gain", alt: "[^"]*"', '"figure7-gain"', "alt"),
    ],
)
def test_unknown_fonts_and_figures_without_alternative_text_are_errors(
    fault: tuple[str, str, str, str], numbers: Numbers, figures: Path, tmp_path: Path
) -> None:
    file, pattern, new, message = fault
    shutil.copytree(FOLDER, tmp_path / "paper")
    path = tmp_path / "paper" / file
    changed, count = re.subn(pattern, new, path.read_text())
    assert count
    path.write_text(changed)
    drawn = [path.stem for path in figures.glob("*.svg")]
    refusal = pytest.raises(ArtifactError, match=message)
    with Typesetter(numbers, tmp_path / "paper") as setter, refusal:
        setter.compile(figures, drawn, ())


def test_the_figures_are_told_by_the_text_alone_too(survey: Survey) -> None:
    assert list_figures() == list(survey.figures)


def test_a_figure_that_runs_off_its_page_is_an_error(
    numbers: Numbers, survey: Survey, figures: Path, tmp_path: Path
) -> None:
    shutil.copytree(figures, tmp_path / "figures")
    (tmp_path / "figures/overload.svg").write_text(PICTURE.format(width=252, height=800))
    runs_over = pytest.raises(ArtifactError, match="overload runs over the end of page")
    with Typesetter(numbers) as setter, runs_over:
        setter.compile(tmp_path / "figures", survey.figures, ())


@pytest.mark.parametrize(("dx", "dy", "clashes"), [(0, 0, True), (120, 0, False), (0, 60, False)])
def test_figures_clash_where_they_overlap_on_a_page(dx: float, dy: float, clashes: bool) -> None:
    one = {"name": "a", "page": 1, "x": 50, "y": 50, "width": 100, "height": 50, "floor": 700}
    other = one | {"name": "b", "x": 50 + dx, "y": 50 + dy}
    assert find_clash([one, other]) == (("a", "b") if clashes else None)
    assert find_clash([one, other | {"page": 2}]) is None


def test_a_figure_that_is_not_drawn_is_missing(
    numbers: Numbers, survey: Survey, figures: Path, tmp_path: Path
) -> None:
    shutil.copytree(figures, tmp_path / "figures")
    (tmp_path / "figures/figure1.svg").unlink()
    with Typesetter(numbers) as setter:
        (problem,) = setter.find_problems(survey, tmp_path / "figures")
    assert problem.name == "figure figure1"


def test_a_sentence_must_say_which_verdict_it_means() -> None:
    judged = {"a/b": Number(state=State.MEASURED, verdict=Verdict.REPRODUCED, low=1.1, high=1.2)}
    with pytest.raises(UsageError, match="does not say which verdict"):
        check_use(Use("a/b", ("rises",), "It rises."), judged["a/b"] and judged)
    with pytest.raises(UsageError, match="no predicate 'grows'"):
        check_use(Use("a/b", ("grows",), "It grows."), judged)
    assert check_use(Use("a/b", ("rises", "holds"), "It rises."), judged) is None
    assert check_use(Use("a/b", ("falls", "holds"), "It falls."), judged) == Problem(
        "a/b",
        "the sentence says below 1, the results say REPRODUCED, 1.100 to 1.200",
        "It falls.",
        missing=False,
    )


def test_an_interval_that_reaches_the_border_asserts_nothing() -> None:
    touching = Number(state=State.MEASURED, value=1.1, low=1.0, high=1.2)
    assert not PREDICATES["rises"](touching)
    assert not PREDICATES["falls"](touching)
    assert not PREDICATES["same"](touching)


def test_numbers_of_the_reference_have_verdicts_quantities_and_counts(tmp_path: Path) -> None:
    stored = take_reference(PROJECT / "results/reference/kick")
    found = collect_numbers(stored, load_quantities(FOLDER))
    assert set(NAMES) <= set(found.numbers)
    assert found.numbers[NAMES[0]].state is State.NOT_JUDGED
    assert found.numbers["runs.all"].value == stored.runs.height
    lost = found.numbers["stock.throughput"]
    assert lost.state is State.MISSING
    assert "figure7/tux at 2500: no valid run is stored" in lost.reason
    found.write(tmp_path / "numbers.json")
    assert load_numbers(tmp_path / "numbers.json") == found


def test_a_share_of_runs_that_broke_a_gate() -> None:
    """Of those that ran, whatever else was wrong with them."""
    reasons = [
        ("measured", ""),
        ("invalid", "steady-state: largest step is 5, not <= 0.1"),
        ("invalid", "timeouts: 3, not == 0; steady-state: largest step is 2, not <= 0.1"),
        ("invalid", "timeouts: a window that is not steady-state: 3, not == 0"),
        ("absent", "not run yet"),
    ]
    place = {"design": "overload", "server": "tux", "variant": "base", "level": 41_000}
    rows = [
        {**place, "seed": seed, "outcome": outcome, "reasons": text}
        for seed, (outcome, text) in enumerate(reasons)
    ]
    stored = dataclasses.replace(
        take_reference(PROJECT / "results/reference/kick"), runs=pl.DataFrame(rows)
    )
    broken = Broken.model_validate(
        {"kind": "broken", "name": "x", "gate": "steady-state", "at": place}
    )
    found = find_quantity(broken, stored).estimate
    assert found is not None
    assert (found.value, found.n) == (0.5, 4)
    nowhere = broken.model_copy(update={"at": broken.at.model_copy(update={"level": 1})})
    assert find_quantity(nowhere, stored).estimate is None


def test_the_share_of_misses_and_of_searches() -> None:
    """By hand: 3 of 4 misses are TCP's in one seed, all in the other; one search of two found."""
    place = {"design": "d", "server": "tux", "variant": "base", "level": 1, "quantity": "misses"}
    misses = [(1, "slab:TCP", 3.0), (1, "code", 1.0), (2, "slab:TCP", 5.0)]
    searches = [("tux", 1, None), ("tux", 2, 6000), ("other", 1, 7000)]
    stored = dataclasses.replace(
        take_reference(PROJECT / "results/reference/kick"),
        origins=pl.DataFrame([{**place, "seed": s, "name": n, "value": v} for s, n, v in misses]),
        peaks=pl.DataFrame([{"design": "d", "server": server, "variant": "base", "seed": seed,
                             "low": low, "high": 8000} for server, seed, low in searches]),
    )  # fmt: skip
    at = Point(design="d", server="tux", level=1)
    share = OriginShare(
        kind="origin-share", name="x", at=at, origins=("TCP: sock, request, timewait",)
    )
    searched = Searched(kind="searched", name="x", design="d", server="tux")
    for quantity, value in ((share, 7 / 8), (searched, 1 / 2)):
        found = find_quantity(quantity, stored).estimate
        assert found is not None
        assert (found.value, found.n) == (pytest.approx(value), 2)
    nowhere = find_quantity(searched.model_copy(update={"server": "none"}), stored)
    assert nowhere.estimate is None


def test_numbers_are_written_with_the_digits_that_matter() -> None:
    cases = {0.0: "0.00", 0.0046: "0.0046", 0.889: "0.889", 1.0: "1.00", 21.62: "21.6",
             240.2: "240", 21425.4: "21,425"}  # fmt: skip
    assert {value: write_plain(value) for value in cases} == cases
    texts = write_number(Number(state=State.MEASURED, value=1.384, low=1.3, high=1.44))
    assert texts["interval"] == "1.38 (1.30 to 1.44)"
    assert texts["change"] == "38\N{NO-BREAK SPACE}%"
    assert "verdict" not in texts
    counted = write_number(Number(state=State.MEASURED, value=886, measured=COUNT))
    assert counted["value"] == "886"


def test_macros_have_what_was_measured_alone() -> None:
    known = {
        "a.b/c-d": Number(state=State.MEASURED, value=1.5, verdict=Verdict.DIRECTION),
        "lost": Number(state=State.MISSING),
    }
    macros = write_macros(assemble(known))
    assert "\\@namedef{ts@value@a.b/c-d}{1.50}" in macros
    assert "\\@namedef{ts@change@a.b/c-d}{50~\\%}" in macros
    assert "% lost: missing" in macros
    assert "@lost}" not in macros


def test_the_difference_tells_flips_from_moves() -> None:
    def make(value: float, verdict: Verdict = Verdict.REPRODUCED) -> Number:
        return Number(
            state=State.MEASURED, value=value, low=value - 0.1, high=value + 0.1,
            verdict=verdict, statement="It is so.", original=1.4,
        )  # fmt: skip

    before = assemble({"in": make(1), "out": make(1), "flip": make(1), "old": make(1)})
    after = assemble(
        {"in": make(1.05), "out": make(1.2), "flip": make(1, Verdict.CONTRADICTED), "new": make(1)}
    )
    assert {change.name: change.move for change in find_changes(before, after)} == {
        "flip": Move.FLIPPED, "out": Move.OUTSIDE, "old": Move.GONE, "new": Move.NEW,
        "in": Move.INSIDE,
    }  # fmt: skip
    text = write_difference(after, before)
    assert "| out | 1.40 | 1.20 | 1.10 to 1.30 | REPRODUCED |" in text
    assert "| flip | REPRODUCED 1.00 (0.900 to 1.10) | CONTRADICTED" in text


def test_facts_are_read_from_the_files_that_are_used() -> None:
    assert load_facts(FOLDER)["ways"] == "8"
    assert load_originals(FOLDER)["throughput"].where
    with pytest.raises(LookupError, match="nowhere"):
        find_fact(Fact(file="x", path="a.nowhere.b"), "[a]\nb = 1\n")
    with pytest.raises(LookupError, match="pattern"):
        find_fact(Fact(file="x", pattern="b = (2)"), "b = 1")
    assert find_fact(Fact(file="x", path="c.[id=a/b].n"), '[[c]]\nid = "a.b"\nn = 3\n') == 3


def test_figures_of_a_reference_are_drawn_from_its_tables_once(tmp_path: Path) -> None:
    kick = PROJECT / "results/reference/kick"
    wanted = ("figure1", "figure1-waiting", "peak")  # the last has no runs in this tier
    place = draw_reference(kick, wanted, tmp_path)
    drawn = {path.name: path.stat().st_mtime_ns for path in place.glob("*.svg")}
    assert set(drawn) == {"figure1.svg", "figure1-waiting.svg"}
    assert draw_reference(kick, reversed(wanted), tmp_path) == place
    assert {path.name: path.stat().st_mtime_ns for path in place.glob("*.svg")} == drawn
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_peaks_that_were_found_survive_in_a_reference() -> None:
    plan = make_plan(Tier.QUICK, [load_design("recovery")], {})
    found = Peak(plan.searches[0], 2, Bracket(6000, 6600, ()), ())
    sought = NoPeak(plan.searches[1], 1, (), "the search goes on")
    highest = Peak(plan.searches[2], 1, Bracket(30000, None, ()), ())
    table = tabulate_brackets((found, sought, highest))
    assert restore_brackets(plan, table) == (found, highest)
