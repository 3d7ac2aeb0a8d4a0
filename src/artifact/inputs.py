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


def digest_code(folder: Path, start: str) -> str:
    """SHA-256 over the meaning of the module ``start`` of the package at ``folder`` and of all
    modules of that package that it imports, directly or not.

    Syntax trees without docstrings are digested, so that comments and formatting do not make
    results stale, while a changed gate or parser does; and so do no commands or displays.
    """
    trees: dict[str, ast.Module] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        path = folder / f"{name}.py"
        if name in trees or not path.is_file():
            continue
        trees[name] = ast.parse(path.read_text())
        waiting += _find_imports(trees[name], folder.name)
    lines = []
    for name, tree in sorted(trees.items()):
        for node in ast.walk(tree):
            _drop_docstring(node)
        lines.append(f"{name} {digest_bytes(ast.unparse(tree).encode())}\n")
    return digest_bytes("".join(lines).encode())


def _find_imports(tree: ast.Module, package: str) -> list[str]:
    """Modules of ``package`` that ``tree`` imports."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    prefix = f"{package}."
    return [name.removeprefix(prefix) for name in found if name.startswith(prefix)]


def _drop_docstring(node: ast.AST) -> None:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
