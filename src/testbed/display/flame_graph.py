# SPDX-License-Identifier: MIT
"""A flame graph as a self-contained SVG: width is misses, hover shows numbers, same bytes
for the same profile."""

from __future__ import annotations

import zlib
from html import escape

from testbed.outputs.profile import Node

WIDTH = 1200
ROW = 17
MARGIN = 10
HEAD = 36
CHARACTER = 6.6  # pixels of one character at the font size used
NARROWEST = 0.3  # pixels; narrower frames are left out


def draw_flame_graph(root: Node, title: str) -> str:
    """The SVG text; innermost frames at the top."""
    depth = _measure_depth(root)
    height = HEAD + depth * ROW + MARGIN
    body: list[str] = []
    if root.total:
        scale = (WIDTH - 2 * MARGIN) / root.total
        body = _draw(root, height - MARGIN - ROW, scale)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="monospace" font-size="11">',
            "<style>rect{stroke:#fff;stroke-width:.5} g:hover rect{stroke:#000} "
            "text{pointer-events:none}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#fffdf7"/>',
            f'<text x="{WIDTH / 2:g}" y="22" text-anchor="middle" font-size="15">'
            f"{escape(title)}</text>",
            *body,
            "</svg>\n",
        ]
    )


def _measure_depth(node: Node) -> int:
    """Rows below and including ``node``; a loop, since stacks may be deeper than recursion."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in parent.children.values()]
    return deepest


def _draw(root: Node, bottom: float, scale: float) -> list[str]:
    """One group a frame that is wide enough to be seen."""
    out: list[str] = []
    waiting = [(root, float(MARGIN), bottom)]
    while waiting:
        node, x, y = waiting.pop()
        width = node.total * scale
        if width < NARROWEST:
            continue
        name = escape(node.name)
        share = 100 * node.total / root.total
        out.append(
            f"<g><title>{name}: {node.total} misses, {share:.2f} %</title>"
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{ROW - 1}" '
            f'fill="{_choose_colour(node.name)}"/>{_label(node.name, x, y, width)}</g>'
        )
        for child in sorted(node.children.values(), key=lambda c: c.name):
            waiting.append((child, x, y - ROW))
            x += child.total * scale
    return out


def _label(name: str, x: float, y: float, width: float) -> str:
    room = int((width - 4) / CHARACTER)
    if room < 3:
        return ""
    text = name if len(name) <= room else name[: room - 2] + ".."
    return f'<text x="{x + 2:.2f}" y="{y + ROW - 5:.2f}">{escape(text)}</text>'


def _choose_colour(name: str) -> str:
    """A warm colour that depends on the name alone."""
    mix = zlib.crc32(name.encode())
    return f"rgb({205 + mix % 50},{90 + mix // 50 % 120},{mix // 6000 % 55 + 30})"
