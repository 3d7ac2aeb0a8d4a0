# SPDX-License-Identifier: MIT
"""Wrong experiment files are told in words: file, field, value, remedy, for every field."""

from __future__ import annotations

import copy
import datetime
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from artifact.study.claims import Claims
from artifact.study.designs import FOLDER, Design, check_design, find_designs, load_design
from artifact.study.loading import CLAIMS, check_claim
from ground.documents import MisfitError, check_document, fit, fit_json, load_made
from ground.errors import UsageError

FieldPath = tuple[str | int, ...]
DOCUMENTS: dict[str, dict[str, Any]] = {
    path.stem: tomllib.loads(path.read_text()) for path in sorted(FOLDER.glob("*.toml"))
}
DESIGNS = {name: load_design(name) for name in find_designs()}
# Words of the library that checks, of its errors and of its types.
JARGON = (
    "Input", "should be", "should match", "should have", "Field required", "permitted", "valid ",
    "Value error", "function-", "[key]", "union", "tagged", "tuple", "Tuple", "dict", "JsonValue",
    "pydantic", "NoneType", "unable to", "type=", "discriminator", "Scope",
    "Selector", "object at", "Traceback",
)  # fmt: skip
WRONG: tuple[object, ...] = (
    "no such thing", "", 7, 2.5, True, [], [1, "a"], {}, {"x": 1}, math.nan, math.inf,
    datetime.date(2006, 11, 1), datetime.datetime(2006, 11, 1, 12, 0),
    -1, 0, -0.5, 10**12, "Ü", [[1]],
)  # fmt: skip


def list_places(value: object, place: FieldPath = ()) -> list[FieldPath]:
    """The way to each value in a document, tables and lists included."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    below = [one for key, item in items for one in list_places(item, (*place, key))]
    return [place, *below] if place else below


def find(document: object, place: FieldPath) -> Any:
    for part in place:
        document = document[part]  # type: ignore[index]
    return document


def check(name: str, document: dict[str, Any]) -> None:
    """What `load_study` does with the file."""
    path = Path(f"{name}.toml")
    if path.name != CLAIMS:
        check_design(check_document(Design, document, path), path)
        return
    for claim in check_document(Claims, document, path).claim:
        if claim.design in DESIGNS:
            check_claim(claim, DESIGNS[claim.design], path)


def complain(name: str, document: dict[str, Any]) -> UsageError | None:
    """The error, whose words are checked; None if the document is right."""
    try:
        check(name, document)
    except UsageError as error:
        text = f"{error.message} {error.hint}"
        assert f"{name}.toml" in error.message
        assert error.hint
        assert not [word for word in JARGON if word in text], text
        return error
    return None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_files_of_this_project_are_right(name: str) -> None:
    assert complain(name, DOCUMENTS[name]) is None


@st.composite
def places(draw: st.DrawFn) -> tuple[str, FieldPath]:
    name = draw(st.sampled_from(list(DOCUMENTS)))
    return name, draw(st.sampled_from(list_places(DOCUMENTS[name])))


@settings(max_examples=400)
@given(places(), st.sampled_from(WRONG))
def test_a_wrong_value_is_told_in_words(where: tuple[str, FieldPath], value: object) -> None:
    name, place = where
    document = copy.deepcopy(DOCUMENTS[name])
    before = find(document, place)
    find(document, place[:-1])[place[-1]] = value
    error = complain(name, document)
    if error is None:
        return
    names = [str(part) for part in place if isinstance(part, str)]
    dotted = ".".join(map(str, place))
    # Either the place, or a sentence about how the field goes with others.
    assert dotted in error.message or any(part in error.message for part in names), error.message
    same = isinstance(value, (type(before), int, float, dict, list))
    if not same and place[-1] != "kind":
        assert dotted in error.message


def test_a_kind_that_has_the_name_of_a_field_is_told_from_it() -> None:
    document = copy.deepcopy(DOCUMENTS["recovery"])
    document["base"]["load.at_ms"] = "soon"
    error = complain("recovery", document)
    assert error is not None
    assert 'base.load.at_ms: "soon" is not a whole number' in error.message


@settings(max_examples=150)
@given(places(), st.data())
def test_an_unknown_key_is_told_with_what_is_known(
    where: tuple[str, FieldPath], data: st.DataObject
) -> None:
    name, place = where
    document = copy.deepcopy(DOCUMENTS[name])
    table = find(document, place)
    if not isinstance(table, dict):
        place, table = (), document
    table["levles"] = 3
    error = complain(name, document)
    free = place[-1:] in {("at",)}  # any axis may have a name
    assert (error is None) == free
    if error:
        assert ".".join([*map(str, place), "levles"]) in error.message


@settings(max_examples=150)
@given(places())
def test_a_missing_key_is_told_by_its_place(where: tuple[str, FieldPath]) -> None:
    name, place = where
    document = copy.deepcopy(DOCUMENTS[name])
    above = find(document, place[:-1])
    del above[place[-1]]
    error = complain(name, document)
    if error and "is missing" in error.message:
        within = place[2:] if error.message.startswith("claims.toml: claim ") else place
        assert ".".join(map(str, within)) in error.message
        assert error.hint.startswith(("add ", "choose one of"))


@pytest.mark.parametrize(
    ("name", "place", "value", "message", "hint"),
    [
        ("peak", ("seconds",), "half", 'seconds: "half" is not a number', "write a number"),
        ("peak", ("tier", "quick", "seeds"), "5", '"5" is not a whole number', "without quotes"),
        ("peak", ("tier", "quick", "seeds"), 0, "seeds: 0 is too small", "of at least 1"),
        ("peak", ("tier", "quick", "seeds"), 5000, "5000 is too large", "of at most 1000"),
        ("peak", ("tier", "quik"), {}, 'tier.quik: "quik" is not one of kick, quick, full', ""),
        (
            "peak",
            ("load",),
            "wrk",
            'load: "wrk" is not one of ab, httperf, spike, netperf',
            "choose",
        ),
        ("peak", ("base", "load.timeout_s"), "x", 'base.load.timeout_s: "x" is not a whole', ""),
        ("peak", ("base", "load.timeout"), 1, "base.load.timeout: there is no such", "timeout_s"),
        ("gain", ("variant", 1, "nmae"), "x", "variant.1.nmae (of memory-50): there is", "name, w"),
        ("gain", ("variant", 1, "set"), 3, "variant.1.set (of memory-50): 3 is not a table", "wr"),
        ("gain", ("geometry",), "banias", "geometry: no geometry 'banias'", "banias-1400"),
        ("gain", ("reference",), "tuks", "reference: no server 'tuks'", "tux-stingy"),
        ("gain", ("tier", "quick", "servers", 1), "x", "tier.quick.servers.1: no server 'x'", ""),
        ("figure1", ("requests", "many"), 3, 'requests.many: "many" is not a whole number', ""),
        ("figure1", ("order_seed",), True, "order_seed: true is not a whole number", ""),
        ("figure1", ("title",), datetime.date(2006, 1, 1), "title: 2006-01-01 is a date", ""),
        ("peak", ("seconds",), math.nan, "seconds: nan is not a finite number", "finite"),
        ("claims", ("claim", 0, "kind"), "rato", '(of footnote3.throughput): "rato" is', "trend"),
        ("claims", ("claim", 0, "levels"), {}, "claim.0.levels (of footnote3.", "known are id"),
        ("claims", ("claim", 0, "point", "levle"), 3, "claim.0.point.levle", "level, variant"),
        ("claims", ("claim", 0, "seeds", "slow"), 3, '"slow" is not one of kick, quick, f', ""),
        ("claims", ("claim", 0, "servers"), [], "servers (of footnote3", "list at least 1"),
        ("claims", ("claim", 0, "band_reason"), "so", '"so" is too short', "at least 20 char"),
        ("claims", ("claim", 0, "id"), "No 1", '"No 1" is not a name', "lower-case"),
        ("claims", ("claim", 0, "band"), {}, "band (of footnote3.throughput): a band needs", ""),
        ("claims", ("claim",), 3, "claim: 3 is not a list", "in brackets"),
    ],
)
def test_what_a_person_reads(
    name: str, place: FieldPath, value: object, message: str, hint: str
) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    find(document, place[:-1])[place[-1]] = value
    error = complain(name, document)
    assert error
    assert message in error.message
    assert hint in error.hint


def test_a_field_that_must_be_there_is_asked_for() -> None:
    for name, place in (("peak", ("title",)), ("claims", ("claim", 0, "kind"))):
        document = copy.deepcopy(DOCUMENTS[name])
        del find(document, place[:-1])[place[-1]]
        error = complain(name, document)
        assert error
        assert "it is missing" in error.message
        assert error.message.partition(": ")[2].startswith(".".join(map(str, place)))


def test_a_misspelled_field_explains_one_that_is_missing() -> None:
    document = copy.deepcopy(DOCUMENTS["peak"])
    document["titel"] = document.pop("title")
    error = complain("peak", document)
    assert error
    assert error.message == "peak.toml: titel: there is no such field"
    assert error.hint.startswith("did you mean title?")


class Made(BaseModel):
    """What a command made."""

    numbers: list[int]


def test_what_is_wrong_with_a_made_file_is_told_with_file_field_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    path.write_text('{"numbers": [1, "two"]}')
    with pytest.raises(UsageError, match=r"made\.json: numbers\.1: ") as error:
        load_made(Made, path, "make it again")
    assert error.value.hint == "make it again"
    path.write_text('{"numbers": [1')
    with pytest.raises(UsageError, match=r"made\.json: Invalid JSON"):
        load_made(Made, path, "make it again")


def test_a_misfit_says_where_and_why() -> None:
    with pytest.raises(MisfitError, match=r'numbers\.1: "two" is not a whole number') as error:
        fit(Made, {"numbers": [1, "two"]})
    assert error.value.complaint.field == ("numbers", 1)
    assert fit(Made, {"numbers": [1, 2]}) == fit_json(Made, {"numbers": [1, 2]})
