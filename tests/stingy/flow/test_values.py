# SPDX-License-Identifier: MIT
"""Abstract values are sound: whatever a concrete number does, its abstraction allows."""

from __future__ import annotations

import operator as python
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from stingy.flow.values import (
    NONZERO,
    OTHER,
    Function,
    Instance,
    Reference,
    Signs,
    Value,
    compare,
    join,
    mirror_operator,
    negate_operator,
    operate,
    refine,
    truth,
)

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": python.lt,
    ">": python.gt,
    "<=": python.le,
    ">=": python.ge,
    "==": python.eq,
    "!=": python.ne,
}
ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": python.add,
    "-": python.sub,
    "*": python.mul,
    "&": python.and_,
    "|": python.or_,
    **COMPARISONS,
}
numbers = st.integers(-5, 5)
masks = st.integers(1, 6).map(Signs)


def contains(value: Value, number: int) -> bool:
    """Whether ``value`` stands for ``number`` among others."""
    if isinstance(value, Signs):
        return bool(value.mask & (1 if number < 0 else 2 if number == 0 else 4))
    return value is None or (isinstance(value, int) and value == number)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Value, int]:
    """A number and a value that stands for it."""
    number = draw(numbers)
    fitting = masks.filter(lambda signs: contains(signs, number))
    return draw(st.one_of(st.just(number), fitting, st.none())), number


@given(pairs(), pairs())
def test_a_join_has_both(one: tuple[Value, int], other: tuple[Value, int]) -> None:
    joined = join(one[0], other[0])
    assert contains(joined, one[1])
    assert contains(joined, other[1])
    assert join(one[0], one[0]) == one[0]


@given(st.sampled_from(sorted(COMPARISONS)), pairs(), pairs())
def test_a_comparison_that_is_known_is_right(
    operator: str, one: tuple[Value, int], other: tuple[Value, int]
) -> None:
    known = compare(operator, one[0], other[0])
    assert known is None or known == COMPARISONS[operator](one[1], other[1])


@given(st.sampled_from(sorted(COMPARISONS)), pairs(), pairs())
def test_refining_keeps_what_passes(
    operator: str, one: tuple[Value, int], other: tuple[Value, int]
) -> None:
    if COMPARISONS[operator](one[1], other[1]):
        assert contains(refine(one[0], operator, other[0]), one[1])


@given(st.sampled_from(sorted(ARITHMETIC)), pairs(), pairs())
def test_operators(operator: str, one: tuple[Value, int], other: tuple[Value, int]) -> None:
    result = operate(operator, (one[0], other[0]))
    assert contains(result, int(ARITHMETIC[operator](one[1], other[1])))


@given(pairs())
def test_signs_and_truth(one: tuple[Value, int]) -> None:
    assert contains(operate("-", (one[0],)), -one[1])
    known = truth(one[0])
    assert known is None or known == bool(one[1])


@given(st.sampled_from(sorted(COMPARISONS)), numbers, numbers)
def test_negated_and_mirrored(operator: str, left: int, right: int) -> None:
    holds = COMPARISONS[operator](left, right)
    assert COMPARISONS[negate_operator(operator)](left, right) != holds
    assert COMPARISONS[mirror_operator(operator)](right, left) == holds


def test_precise_where_it_matters() -> None:
    """What the servers' checks rely on: results of -1, 0 and 1, and pointers against NULL."""
    assert refine(None, "<", 0) == Signs(1)
    assert refine(Signs(6), "!=", 0) == Signs(4)
    assert refine(NONZERO, ">=", 0) == Signs(4)
    assert compare("==", Signs(4), 0) is False
    for pointer in (Instance("a"), Function("f"), Reference((("variable", "f", "x"),)), OTHER):
        assert truth(pointer) is True
        assert compare("==", pointer, 0) is False
    assert compare("==", Function("f"), Function("f")) is True
    assert compare("==", Function("f"), Function("g")) is False
    assert compare("==", Instance("a"), Instance("a")) is None  # two of a kind can be live
    assert compare("==", Instance("a"), Instance("b")) is False
