# SPDX-License-Identifier: MIT
"""Abstract values: what is known of an integer or a pointer on a path.

A value is an ``int`` (NULL is 0), ``Signs``, ``Function``, ``Instance``, ``Perhaps``,
``Reference`` or ``OTHER``; ``None`` is any value.
"""

from __future__ import annotations

from dataclasses import dataclass

from stingy.model.arithmetic import fold_integers


@dataclass(frozen=True, slots=True)
class Signs:
    """A number with one of these signs: 1 negative, 2 zero, 4 positive, as a mask."""

    mask: int


@dataclass(frozen=True, slots=True)
class Function:
    """The address of a function."""

    key: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A pointer to an object of the request that is followed."""

    object: str


@dataclass(frozen=True, slots=True)
class Perhaps:
    """A pointer to the one object of its kind that may be live; NULL exactly while none is.

    It keeps a pointer and the life of its object together where paths with and without the
    object were merged.
    """

    object: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The address of a place."""

    place: AccessPath


@dataclass(frozen=True, slots=True)
class Other:
    """A pointer to a request (or an object of one) that is not followed."""


AccessPath = tuple[
    tuple[str, ...], ...
]  # a base (kind, name, function), then fields (record, name)
Value = int | Signs | Function | Instance | Perhaps | Reference | Other | None

NEGATIVE, ZERO, POSITIVE = 1, 2, 4
NONZERO = Signs(NEGATIVE | POSITIVE)
OTHER = Other()
_ANY = NEGATIVE | ZERO | POSITIVE
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {"<": ">=", ">": "<=", "<=": ">", ">=": "<", "==": "!=", "!=": "=="}
# signs that x can have where "x OP 0" holds
_AGAINST_ZERO = {"<": 1, ">": 4, "<=": 3, ">=": 6, "==": 2, "!=": 5}


def sign_mask(value: Value) -> int:
    """The signs that a value can have."""
    match value:
        case bool() | int():
            return ZERO if value == 0 else POSITIVE if value > 0 else NEGATIVE
        case Signs(mask=mask):
            return mask
        case Perhaps():
            return ZERO | POSITIVE
        case None:
            return _ANY
    return POSITIVE  # addresses are not NULL


def truth(value: Value) -> bool | None:
    """Whether a value is not 0; None if both is possible."""
    mask = sign_mask(value)
    if mask == ZERO:
        return False
    return None if mask & ZERO else True


def join(left: Value, right: Value) -> Value:
    """What holds for both values."""
    if left == right:
        return left
    mask = sign_mask(left) | sign_mask(right)
    return None if mask == _ANY else Signs(mask)


def held_object(value: Value) -> str:
    """The object that a value points to, if it points to one; "" for all other values."""
    return value.object if isinstance(value, Instance | Perhaps) else ""


def compare(operator: str, left: Value, right: Value) -> bool | None:
    """The result of a comparison, where it is known."""
    if isinstance(left, int) and isinstance(right, int):
        return bool(fold_integers(operator, left, right))
    if _is_address(left) and isinstance(right, int) and -4096 < right < 0:
        return operator in {"<", "<=", "!="}  # IS_ERR(): no object is at such an address
    if operator in {"==", "!="}:
        same = _same(left, right)
        if same is not None:
            return same == (operator == "==")
    if isinstance(right, int) and right == 0:
        return _decide(sign_mask(left), _AGAINST_ZERO[operator])
    if isinstance(left, int) and left == 0:
        return _decide(sign_mask(right), _AGAINST_ZERO[_MIRROR[operator]])
    return None


def _is_address(value: Value) -> bool:
    return isinstance(value, Function | Instance | Reference)


def _same(left: Value, right: Value) -> bool | None:
    """Whether two values are the same, where it is known."""
    if sign_mask(left) & sign_mask(right) == 0:
        return False
    pointers = (Function, Reference)
    if isinstance(left, pointers) and isinstance(right, pointers):
        return left == right
    if isinstance(left, Instance) and isinstance(right, Instance) and left != right:
        return False
    return None


def _decide(mask: int, holds: int) -> bool | None:
    if mask & ~holds == 0:
        return True
    return False if mask & holds == 0 else None


def refine(value: Value, operator: str, right: Value) -> Value:
    """What is known of ``value`` where ``value operator right`` holds."""
    if operator == "==" and (right is not None) and not isinstance(right, Signs):
        return right if not isinstance(value, Instance) else value
    if value is not None and not isinstance(value, Signs):
        return value
    mask = sign_mask(value)
    if operator == "==":
        mask &= sign_mask(right)
    elif isinstance(right, int):
        mask &= _signs_against(operator, right)
    if mask == ZERO:
        return 0
    return None if mask == _ANY else Signs(mask)


def _signs_against(operator: str, right: int) -> int:
    """The signs that x can have where ``x operator right`` holds."""
    if right == 0:
        return _AGAINST_ZERO[operator]
    if right > 0 and operator in {">", ">="}:
        return POSITIVE
    if right < 0 and operator in {"<", "<="}:
        return NEGATIVE
    return _ANY


def negate_operator(operator: str) -> str:
    """The operator of the opposite comparison."""
    return _NEGATED[operator]


def mirror_operator(operator: str) -> str:
    """The operator with its operands exchanged."""
    return _MIRROR[operator]


def is_comparison(operator: str) -> bool:
    """Whether an operator compares."""
    return operator in _NEGATED


def operate(operator: str, operands: tuple[Value, ...]) -> Value:
    """The value of a pure operator."""
    if len(operands) == 1:
        return _negative(operands[0]) if operator == "-" else None
    left, right = operands
    if is_comparison(operator):
        known = compare(operator, left, right)
        return None if known is None else int(known)
    if isinstance(left, int) and isinstance(right, int) and operator != "level":
        return fold_integers(operator, left, right)
    if operator == "|" and (truth(left) or truth(right)):
        return NONZERO
    return _sum(left, right) if operator in {"+", "level"} else None


def _sum(left: Value, right: Value) -> Value:
    """What is known of a sum by the signs of its parts."""
    signs = {sign_mask(left), sign_mask(right)}
    return Signs(POSITIVE) if POSITIVE in signs and signs <= {ZERO, POSITIVE} else None


def _negative(value: Value) -> Value:
    if isinstance(value, int):
        return -value
    if isinstance(value, Signs):
        mask = value.mask
        return Signs((mask & ZERO) | (4 if mask & 1 else 0) | (1 if mask & 4 else 0))
    return None
