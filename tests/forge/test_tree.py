# SPDX-License-Identifier: MIT
"""Roots in memory: what is kept, and that the archive says exactly that."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.tree import Tree, find_closure, format_cpio, merge_usr, resolve_link
from ground.errors import ArtifactError

names = st.text("abcxyz019._-", min_size=1, max_size=12).filter(lambda n: n not in {".", ".."})
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
trees = st.dictionaries(paths, st.binary(max_size=300), max_size=12)


def read_cpio(data: bytes) -> list[tuple[str, int, bytes]]:
    """An independent reader of the newc format: (path, mode, content) in order."""
    nodes, at = [], 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        start = (at + 110 + length + 3) & ~3
        if name == "TRAILER!!!":
            return nodes
        nodes.append((name, mode, data[start : start + size]))
        at = (start + size + 3) & ~3


def is_consistent(files: dict[str, bytes]) -> bool:
    return not any(a != b and b.startswith(a + "/") for a in files for b in files)


@given(trees.filter(is_consistent))
def test_archive_holds_the_tree_with_parents_first(files: dict[str, bytes]) -> None:
    tree = Tree()
    for path, data in files.items():
        tree.add_file(path, data)
    nodes = read_cpio(format_cpio(tree))
    regular = {name: data for name, mode, data in nodes if stat.S_ISREG(mode)}
    assert regular == files
    seen = set()
    for name, _, _ in nodes:
        parent = name.rpartition("/")[0]
        assert not parent or parent in seen
        seen.add(name)


@given(trees.filter(is_consistent))
def test_archive_does_not_depend_on_the_order_of_adding(files: dict[str, bytes]) -> None:
    forward, backward = Tree(), Tree()
    for path, data in files.items():
        forward.add_file(path, data)
    for path, data in reversed(files.items()):
        backward.add_file(path, data)
    assert format_cpio(forward) == format_cpio(backward)


def test_closure_follows_links() -> None:
    tree = Tree()
    tree.add_link("usr/bin/a", "../lib/b")
    tree.add_link("usr/lib/b", "/lib/c")
    tree.add_file("usr/lib/c", b"text")
    tree.add_file("usr/lib/d", b"not wanted")
    assert find_closure(tree, ["usr/bin/a"]) == ["usr/bin/a", "usr/lib/b", "usr/lib/c"]


def test_a_file_that_no_package_has_is_named() -> None:
    with pytest.raises(ArtifactError, match="usr/sbin/thttpd"):
        find_closure(Tree(), ["usr/sbin/thttpd"])


def test_paths_are_merged_into_usr() -> None:
    assert merge_usr("bin/ss") == "usr/bin/ss"
    assert merge_usr("lib/i386-linux-gnu/ld-linux.so.2") == "usr/lib/i386-linux-gnu/ld-linux.so.2"
    assert merge_usr("library") == "library"
    assert resolve_link("usr/lib/x", "/lib/y") == "usr/lib/y"
    assert resolve_link("usr/sbin/x", "../bin/./y") == "usr/bin/y"
