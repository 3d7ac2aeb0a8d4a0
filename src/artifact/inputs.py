# SPDX-License-Identifier: MIT
"""A run's key: the SHA-256 of everything that can change its result, and of nothing else."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue

from ground.files import canonical_json, digest_bytes
from ground.voice import ArtifactError
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
    modules of that package that it imports, as `collect_code` finds them.

    Syntax trees without docstrings are digested, so that comments and formatting do not make
    results stale, while a changed gate or parser does; and so do no commands or displays.
    """
    lines = []
    for name, tree in sorted(collect_code(folder, start).items()):
        for node in ast.walk(tree):
            _drop_docstring(node)
        lines.append(f"{name} {digest_bytes(ast.unparse(tree).encode())}\n")
    return digest_bytes("".join(lines).encode())


def collect_code(folder: Path, start: str) -> dict[str, ast.Module]:
    """Syntax trees of the module ``start`` of the package at ``folder`` and of all modules of that
    package, subpackages included, that it imports, directly or not; by name, "" for the package.

    Raises ArtifactError if a module is imported that is not there: a key that lacks code would
    pass old results off as those of new code.
    """
    trees: dict[str, ast.Module] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in trees:
            continue
        path = _find_module(folder, name)
        if path is None:
            raise ArtifactError(
                f"{folder}: module {name!r} is imported and not there",
                hint="correct the import: a run's key must cover all code that it executes",
            )
        trees[name] = ast.parse(path.read_text())
        waiting += _find_imports(trees[name], folder, path)
        if name:
            waiting.append(name.rpartition(".")[0])  # its package is executed, too
    return trees


def _find_module(folder: Path, name: str) -> Path | None:
    """The file of the module ``name`` (dotted; empty for the package itself) below ``folder``."""
    place = folder.joinpath(*name.split(".")) if name else folder
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in files if path.is_file()), None)


def _find_imports(tree: ast.Module, folder: Path, path: Path) -> list[str]:
    """Modules of the package at ``folder`` that ``tree``, read from ``path``, imports."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                raise ArtifactError(
                    f"{path}:{node.lineno}: a relative import", hint="write the module's full name"
                )
            source = _strip_package(node.module or "", folder.name)
            if source is None:
                continue
            found.append(source)
            inner = (f"{source}.{alias.name}".lstrip(".") for alias in node.names)
            found += [name for name in inner if _find_module(folder, name)]
        elif isinstance(node, ast.Import):
            inside = (_strip_package(alias.name, folder.name) for alias in node.names)
            found += [name for name in inside if name is not None]
    return found


def _strip_package(name: str, package: str) -> str | None:
    """The dotted ``name`` below ``package``; None if it is not there."""
    if name == package:
        return ""
    return name.removeprefix(f"{package}.") if name.startswith(f"{package}.") else None


def _drop_docstring(node: ast.AST) -> None:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
