# SPDX-License-Identifier: MIT
"""A run's key: the SHA-256 of everything that can change its result, and of nothing else."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue

from ground.errors import ArtifactError
from ground.files import canonical_json, digest_bytes
from testbed import measurement
from testbed.experiment import Experiment

SCHEMA: Final = 1
SERVERS: Final = "server/"  # what the names of servers' descriptions begin with, among products
DYNAMIC: Final = frozenset({"import_module", "__import__"})


def collect_inputs(experiment: Experiment, products: Mapping[str, str]) -> dict[str, JsonValue]:
    """All inputs of a run as JSON: experiment, product digests, schema versions.

    Host limits are left out: they can end a run, but never change a result.  So are descriptions of
    servers that do not run in it.
    """
    asked = cast(dict[str, JsonValue], experiment.model_dump(mode="json", exclude={"limits"}))
    return {
        "experiment": asked,
        "products": {
            name: digest
            for name, digest in products.items()
            if not name.startswith(SERVERS) or name == f"{SERVERS}{experiment.server}"
        },
        "schema": {"inputs": SCHEMA, "measurement": measurement.SCHEMA},
    }


def find_key(inputs: Mapping[str, JsonValue]) -> str:
    """The run's key, 64 hex digits."""
    return digest_bytes(canonical_json(dict(inputs)))


def digest_code(folder: Path, start: str) -> str:
    """SHA-256 over the meaning of the module ``start`` of the package at ``folder`` and of all
    modules of that package that it imports, as `collect_code` finds them.

    Syntax trees are digested without docstrings and without the words of errors, so that neither
    these nor comments and formatting make results stale, while a changed gate or parser does.
    Commands and displays, which a run does not execute, are left out.
    """
    lines = (f"{name} {digest}\n" for name, digest in digest_modules(folder, start).items())
    return digest_bytes("".join(lines).encode())


def digest_modules(folder: Path, start: str) -> dict[str, str]:
    """SHA-256 over the meaning of each of these modules, in the order of their names."""
    digests = {}
    for name, tree in sorted(collect_code(folder, start).items()):
        for node in ast.walk(tree):
            _drop_docstring(node)
        meaning = ast.unparse(_Silencer().visit(tree))
        digests[name] = digest_bytes(meaning.encode())
    return digests


def collect_code(folder: Path, start: str) -> dict[str, ast.Module]:
    """Syntax trees of the module ``start`` of the package at ``folder`` and of all modules of that
    package, subpackages included, that it imports, directly or not; by name, "" for the package.

    Raises ArtifactError if something is imported that is not there, or by a name that only shows
    when the code runs: a key that lacks code would pass old results off as those of new code.
    """
    trees: dict[str, ast.Module] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in trees:
            continue
        path = _find_module(folder, name)
        if path is None:
            raise _complain(str(folder), f"module {name!r} is imported and not there")
        trees[name] = ast.parse(path.read_text())
        waiting += _find_imports(trees[name], folder, path)
        if name:
            waiting.append(name.rpartition(".")[0])  # its package is executed, too
    return trees


def _complain(where: str, what: str) -> ArtifactError:
    return ArtifactError(
        f"{where}: {what}",
        hint="correct the import: a run's key must cover all code that it executes",
    )


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
            found += _find_imports_from(node, folder, path)
        elif isinstance(node, ast.Import):
            inside = (_strip_package(alias.name, folder.name) for alias in node.names)
            found += [name for name in inside if name is not None]
        elif isinstance(node, ast.Name | ast.Attribute) and _name(node) in DYNAMIC:
            raise _complain(f"{path}:{node.lineno}", "a module is imported by a computed name")
    return found


def _find_imports_from(node: ast.ImportFrom, folder: Path, path: Path) -> list[str]:
    """As `_find_imports`, of one statement; each name is a module or is defined in one."""
    where = f"{path}:{node.lineno}"
    if node.level:
        raise ArtifactError(f"{where}: a relative import", hint="write the module's full name")
    source = _strip_package(node.module or "", folder.name)
    if source is None:
        return []
    file = _find_module(folder, source)
    if file is None:
        raise _complain(where, f"module {source!r} is imported and not there")
    defined = _list_names(file.read_text())
    found = [source]
    for alias in node.names:
        inner = f"{source}.{alias.name}".lstrip(".")
        if _find_module(folder, inner):
            found.append(inner)
        elif alias.name not in defined:
            raise _complain(where, f"{inner!r} is imported and not there")
    return found


@cache
def _list_names(text: str) -> frozenset[str]:
    """Names that the module with this source binds, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _strip_package(name: str, package: str) -> str | None:
    """The dotted ``name`` below ``package``; None if it is not there."""
    if name == package:
        return ""
    return name.removeprefix(f"{package}.") if name.startswith(f"{package}.") else None


def _drop_docstring(node: ast.AST) -> None:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


class _Silencer(ast.NodeTransformer):
    """Takes the words out of what is raised: a message changes no result."""

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        """Every text below it becomes empty."""
        for inner in ast.walk(node):
            for field, value in ast.iter_fields(inner):
                if isinstance(value, list):
                    setattr(inner, field, [_silence(entry) for entry in value])
                else:
                    setattr(inner, field, _silence(value))
        return node


def _silence(value: object) -> object:
    """An empty text for a text that is written out or put together; all else as it is."""
    text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return ast.Constant("") if text or isinstance(value, ast.JoinedStr) else value
