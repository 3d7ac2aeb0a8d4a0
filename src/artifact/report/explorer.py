# SPDX-License-Identifier: MIT
"""The page of runs: one HTML file in which every run of a tier can be sorted, filtered, compared
with another one and drawn over any axis, without a server and without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Final

import jinja2
import polars as pl
from pydantic import JsonValue

from artifact.judge.results import Results
from artifact.study.metrics import METRICS, find_metric
from ground.files import write_atomically
from testbed.experiment import Experiment

NAME: Final = "runs.html"
TEMPLATES: Final = files("artifact.report") / "templates"
DIGITS: Final = 7  # of a number on the page; data/runs.csv has them all
FACTORS: Final = {
    "design": "experiment",
    "server": "server",
    "variant": "variant",
    "level": "level (connections or offered rate)",
    "seed": "seed",
    "outcome": "outcome",
    "zone": "zone",
    "reasons": "why a run does not count",
    "key": "key in the run store",
}

Cell = str | float | int | bool | None
Column = dict[str, JsonValue]


def make_environment() -> jinja2.Environment:
    """Where the templates of both pages are found; all that is put into them is escaped."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (TEMPLATES / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_explorer(results: Results, folder: Path, *, title: str) -> Path:
    """Write ``folder``/runs.html and return its path."""
    page = (
        make_environment()
        .get_template("explorer.html")
        .render(
            title=title,
            tier=results.plan.tier.value,
            notes=results.plan.notes,
            digest=results.digest,
            script=(TEMPLATES / "explorer.js").read_text(encoding="utf-8"),
            data=format_script_data(collect_runs(results)),
        )
    )
    path = folder / NAME
    write_atomically(path, page.encode())
    return path


def format_script_data(document: JsonValue) -> str:
    """``document`` as JSON that cannot end the script element it stands in."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def collect_runs(results: Results) -> dict[str, JsonValue]:
    """What the page shows: ``columns``, each with its ``values`` by run (factors, then metrics
    that any run has, then those inputs that differ between runs), and ``common``, the inputs
    that all runs share."""
    runs = results.runs
    planned = {run.key: run.experiment for run in results.plan.runs}
    inputs = [dict(flatten_inputs(planned[key])) for key in runs["key"]]
    varying, common = split_inputs(inputs)
    columns = [_make_column(name, label, "factor", runs[name]) for name, label in FACTORS.items()]
    columns += [
        _make_column(
            name,
            find_metric(name).label,
            "metric",
            runs[name],
            unit=find_metric(name).unit,
            definition=find_metric(name).definition,
        )
        for name in METRICS
        if runs[name].is_not_null().any()
    ]
    columns += [
        _make_column(name, name, "input", values, definition="Input of the run.")
        for name, values in varying.items()
    ]
    return {"columns": [*columns], "common": {**common}}


def flatten_inputs(experiment: Experiment) -> Iterator[tuple[str, Cell]]:
    """Names such as ``geometry.l2.size`` and values of all that a run's result hangs on."""
    yield from _flatten(experiment.model_dump(mode="json", exclude={"limits"}), "")


def _flatten(value: JsonValue, name: str) -> Iterator[tuple[str, Cell]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flatten(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        yield name, json.dumps(value)
    else:
        yield name, value


def split_inputs(
    inputs: Sequence[Mapping[str, Cell]],
) -> tuple[dict[str, list[Cell]], dict[str, Cell]]:
    """The inputs that differ between runs, with their values by run, and those that do not.

    What only some kinds of load have is None elsewhere.  Factors are left out: they are columns.
    """
    names = sorted({name for one in inputs for name in one} - set(FACTORS))
    table = {name: [one.get(name) for one in inputs] for name in names}
    varying = {name: values for name, values in table.items() if len(set(values)) > 1}
    common = {name: values[0] for name, values in table.items() if len(set(values)) == 1}
    return {name: _find_numbers(values) for name, values in varying.items()}, common


def _find_numbers(values: list[Cell]) -> list[Cell]:
    """``values`` as numbers if every one of them is one, fractions written as text included."""
    try:
        return [float(Fraction(v)) if isinstance(v, str) else v for v in values]
    except (ValueError, ZeroDivisionError):
        return values


def _make_column(
    name: str,
    label: str,
    kind: str,
    values: pl.Series | Sequence[Cell],
    *,
    unit: str = "",
    definition: str = "",
) -> Column:
    cells = [_shorten(value) for value in values]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in cells
                  if v is not None)  # fmt: skip
    return {
        "name": name,
        "label": label,
        "kind": kind,
        "unit": unit,
        "definition": definition,
        "numeric": numeric,
        "values": [*cells],
    }


def _shorten(value: Cell) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 2**53 else short
