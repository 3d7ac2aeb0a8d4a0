# SPDX-License-Identifier: MIT
"""The page of runs, opened in a browser: it says what the results say, and asks for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from artifact.judge.results import Results, load_results
from artifact.report.explorer import collect_runs, format_script_data, split_inputs, write_explorer
from artifact.runs.engines import LocalEngine
from artifact.runs.plan import Plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.store import Store
from artifact.runs.sweep import list_tasks, sweep
from checks.disturbed import Silence
from tests.artifact.browser import Page, open_browser

MANY = 1000  # more than any tier has
PARSES = 150  # a third of a second on a busy host
PRESSED = "#table [aria-pressed=true]"
FIRST_ROWS = 50  # as the page shows them


@pytest.fixture
def results(plan: Plan, runner: SyntheticRunner, tmp_path: Path) -> Results:
    store = Store(tmp_path / "store")
    sweep(list_tasks(plan.runs, store.root), runner, LocalEngine(1), Silence())
    return load_results(plan, store)


def multiply(results: Results, count: int) -> Results:
    """At least ``count`` rows: the same runs in further variants."""
    copies = [
        results.runs.with_columns(variant=pl.lit(f"copy-{i}"))
        for i in range(1, -(-count // results.runs.height))
    ]
    return Results(
        results.plan, pl.concat([results.runs, *copies]), results.latencies, results.digest
    )


@pytest.fixture
def page(results: Results, tmp_path: Path) -> Iterator[Page]:
    """The page of many runs, in the browser."""
    file = write_explorer(multiply(results, MANY), tmp_path, title="</script> & a title")
    with open_browser(tmp_path / "profile") as page:
        page.open(file.as_uri())
        yield page
        assert not page.problems
        assert page.requests == [file.as_uri()]


def test_columns_are_those_of_the_results(results: Results) -> None:
    document = json.loads(json.dumps(collect_runs(results)))
    columns = {column["name"]: column for column in document["columns"]}
    assert columns["key"]["values"] == results.runs["key"].to_list()
    found = columns["throughput"]
    assert (found["unit"], found["numeric"]) == ("requests/s", True)
    assert found["values"] == pytest.approx(results.runs["throughput"].to_list(), rel=1e-6)
    assert document["common"]["geometry.l2.size"] == 1 << 20
    assert columns["load.requests"]["kind"] == "input"


def test_inputs_are_numbers_only_if_all_are() -> None:
    inputs = [{"cpi": "5/4", "kind": "ab", "same": 1}, {"cpi": "1", "kind": "2", "same": 1}]
    varying, common = split_inputs(inputs)
    assert varying == {"cpi": [1.25, 1.0], "kind": ["ab", "2"]}
    assert common == {"same": 1}


def test_no_text_ends_the_script_element() -> None:
    text = format_script_data({"reasons": "</script><b>"})
    assert "<" not in text
    assert json.loads(text) == {"reasons": "</script><b>"}


@pytest.mark.slow
def test_a_reader_filters_sorts_plots_and_compares(page: Page, results: Results) -> None:
    total = multiply(results, MANY).runs
    assert total.height >= MANY
    assert page.read_texts("#count") == [f"{total.height} of {total.height} runs"]
    assert len(page.read_texts("#table tbody tr")) == FIRST_ROWS
    check_filter(page, total)
    check_order(page, total)
    check_plot(page, total)
    check_comparison(page, total)


PARSE = "for (let i = 0; i < 10; i++) JSON.parse(document.getElementById('data').textContent)"


@pytest.mark.slow
def test_nothing_that_a_reader_does_takes_long(page: Page) -> None:
    """Counted in the time that it takes to parse the page's data, which is the host's measure."""
    unit = page.measure(lambda: page.evaluate(PARSE)) / 10
    deeds = {
        "type": lambda: page.enter("#filter", "server=nginx"),
        "delete": lambda: page.enter("#filter", ""),
        "sort": lambda: page.click("button[data-sort=throughput]"),
        "more rows": lambda: page.click("#more"),
        "plot": lambda: page.enter("#y", "l2_data"),
        "medians": lambda: page.click("#median"),
        "choose": lambda: page.click("#chart .mark[data-run='7']"),
        "compare": lambda: page.click("#chart .mark[data-run='8']"),
    }
    taken = {name: page.measure(deed) / unit for name, deed in deeds.items()}
    assert max(taken.values()) < PARSES, taken


def check_filter(page: Page, runs: pl.DataFrame) -> None:
    page.enter("#filter", "server=nginx level>=40 variant=base")
    wanted = runs.filter(
        (pl.col("server") == "nginx") & (pl.col("level") >= 40) & (pl.col("variant") == "base")
    )
    assert page.read_texts("#count") == [f"{wanted.height} of {runs.height} runs"]
    assert len(page.read_texts("#table tbody tr")) == wanted.height
    page.enter("#filter", "throughputt>3")
    assert page.read_texts("#complaint")[0].startswith('no column "throughputt"')
    page.enter("#filter", "throughput>fast")
    assert "is a number" in page.read_texts("#complaint")[0]
    page.enter("#filter", "")
    assert page.read_texts("#complaint") == [""]


def check_order(page: Page, runs: pl.DataFrame) -> None:
    place = "#table tbody tr:first-child td.n:nth-child(8)"
    assert page.read_texts("#table th:nth-child(8)")[0].startswith("throughput")
    values = runs["throughput"].drop_nulls()
    for wanted in (values.min(), values.max()):
        page.click("button[data-sort=throughput]")
        shown = float(page.read_texts(place)[0].replace(",", ""))
        assert shown == pytest.approx(wanted, rel=1e-4)
    page.click("#more")
    assert len(page.read_texts("#table tbody tr")) > FIRST_ROWS


def check_plot(page: Page, runs: pl.DataFrame) -> None:
    page.enter("#x", "load.requests")
    page.enter("#y", "l2_data")
    page.click("#logx")
    assert len(page.read_texts("#chart .mark")) == runs["l2_data"].is_not_null().sum()
    assert page.evaluate("document.querySelector('#chart svg').ariaLabel").startswith(
        "L2 data misses, misses/request over load.requests"
    )
    assert not page.evaluate("document.querySelector('#chart svg').outerHTML.includes('NaN')")


def check_choice(page: Page) -> None:
    """Row and buttons say which run is A and which is B, also after the table is drawn again."""
    page.click("#table tbody tr:nth-child(3) [data-a]")
    page.click("#table tbody tr:nth-child(4) [data-b]")
    page.click("#more")
    for side, place in (("a", 3), ("b", 4)):
        row = f"#table tbody tr:nth-child({place}).{side}"
        assert page.count(row) == page.count(f"{row} [data-{side}][aria-pressed=true]") == 1
    assert page.count(PRESSED) == page.count("#chart .chosen") == 2


def check_comparison(page: Page, runs: pl.DataFrame) -> None:
    first, second = 0, runs.height - 1
    page.click(f"#chart .mark[data-run='{first}']")
    page.click(f"#chart .mark[data-run='{second}']")
    ratio = runs["throughput"][second] / runs["throughput"][first]
    shown = page.read_texts("#compare tr[data-name=throughput] td:last-child")
    assert page.count("#chart .chosen") == 2
    assert float(shown[0].replace(",", "")) == pytest.approx(ratio, rel=1e-4)
    address = page.evaluate("location.href")
    page.open("about:blank")
    page.open(address)  # a view is kept as a link
    assert page.read_texts("#compare tr[data-name=throughput] td:last-child") == shown
    check_choice(page)
    page.click("#clear")
    assert page.read_texts("#compare td") == []
    assert page.count(f"#chart .chosen, #table tr.a, {PRESSED}") == 0
    page.requests[:] = sorted({request.partition("#")[0] for request in page.requests}
                              - {"about:blank"})  # fmt: skip
