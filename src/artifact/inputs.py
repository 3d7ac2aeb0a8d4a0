# SPDX-License-Identifier: MIT
"""A run's key: the SHA-256 of everything that can change its result, and of nothing else."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue

from ground.files import canonical_json, digest_bytes
from testbed import measurement
from testbed.experiment import Experiment

SCHEMA: Final = 1


def collect_inputs(experiment: Experiment, products: Mapping[str, str]) -> dict[str, JsonValue]:
    """All inputs of a run as JSON: experiment, product digests, schema versions.

    Host limits are left out: they can end a run, but never change a result.
    """
    asked = cast(dict[str, JsonValue], experiment.model_dump(mode="json", exclude={"limits"}))
    return {
        "experiment": asked,
        "products": dict(products),
        "schema": {"inputs": SCHEMA, "measurement": measurement.SCHEMA},
    }


def find_key(inputs: Mapping[str, JsonValue]) -> str:
    """The run's key, 64 hex digits."""
    return digest_bytes(canonical_json(dict(inputs)))


def digest_code(folder: Path) -> str:
    """SHA-256 over the meaning of the Python modules in ``folder``.

    Syntax trees without docstrings are digested, so that comments and formatting do not make
    results stale, while a changed gate or parser does.
    """
    lines = []
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            _drop_docstring(node)
        lines.append(f"{path.name} {digest_bytes(ast.unparse(tree).encode())}\n")
    return digest_bytes("".join(lines).encode())


def _drop_docstring(node: ast.AST) -> None:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
