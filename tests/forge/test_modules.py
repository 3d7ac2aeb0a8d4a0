# SPDX-License-Identifier: MIT
"""What a change builds again: of TUX a module, of its options a kernel, of a flavour neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge import kernel, modules
from forge.kernel import MODULE_TREE, KernelRecipe
from forge.modules import MODULES, Module, ModuleRecipe, find_sources
from forge.stage import Built


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """A kernel that somebody built."""
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / MODULE_TREE).write_bytes(b"tree")
    return Built(tmp_path / "kernel", "digest", 1.0, fresh=False)


@pytest.fixture
def tux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources like TUX's, its Kconfig that of the kernel's recipe."""
    folder = tmp_path / "tux"
    (folder / "user").mkdir(parents=True)
    for name in ("Kconfig", "Makefile", "main.c", "tux.h", "README.md", "user/kernel.c"):
        (folder / name).write_text(name)
    monkeypatch.setattr(kernel, "TUX_KCONFIG", folder / "Kconfig")
    return folder


def find_keys(folder: Path, built: Built) -> dict[str, str]:
    module = Module(name="tux", sources=folder, place="net/tux", variant="stock")
    recipes = {
        "server": KernelRecipe("server", Path("package"), "digest"),
        "client": KernelRecipe("client", Path("package"), "digest"),
    }
    keys = {name: recipe.stage().key for name, recipe in recipes.items()}
    return keys | {"module": ModuleRecipe(module, built).stage().key}


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("main.c", {"module"}),
        ("Makefile", {"module"}),
        ("Kconfig", {"server"}),
        ("README.md", set()),
        ("user/kernel.c", set()),
    ],
)
def test_a_change_makes_stale_what_it_must(
    tux: Path, built: Built, changed: str, stale: set[str]
) -> None:
    before = find_keys(tux, built)
    (tux / changed).write_text("changed")
    after = find_keys(tux, built)
    assert {name for name in before if before[name] != after[name]} == stale


def test_a_module_depends_on_the_tree_that_compiles_it(tux: Path, built: Built) -> None:
    before = find_keys(tux, built)["module"]
    (built / MODULE_TREE).write_bytes(b"another tree")
    assert find_keys(tux, built)["module"] != before


def test_names_of_variants_and_where_they_lie() -> None:
    stock = next(module for module in MODULES if module.name == "tux")
    assert (stock.title, stock.installed) == ("tux-stock", "usr/lib/tux/stock/tux.ko")
    assert len({module.title for module in MODULES}) == len(MODULES)
    assert len({module.installed for module in MODULES}) == len(MODULES)
    assert all("main.c" in find_sources(m.sources) for m in MODULES if m.name == "tux")
    assert all(f"{m.name}.c" in find_sources(m.sources) for m in MODULES if m.name != "tux")
    assert "user" not in find_sources(stock.sources)
    assert modules.SOURCE_PATTERNS


def test_an_architecture_follows_from_the_fragments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "CONFIGS", tmp_path)
    (tmp_path / "common.config").write_text("CONFIG_64BIT=n\n")
    (tmp_path / "server.config").write_text("CONFIG_A=y\n")
    (tmp_path / "wide.config").write_text("CONFIG_64BIT=y\n")
    assert KernelRecipe("server", Path("p"), "d").architecture == "i386"
    assert KernelRecipe("server", Path("p"), "d", "wide").architecture == "x86_64"
