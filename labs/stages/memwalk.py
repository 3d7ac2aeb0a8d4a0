# SPDX-License-Identifier: MIT
"""memwalk for a hand-out: ./memwalk ANNOTATIONS FOLDER"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labs.stages.walking import AnnotationError, describe, walk


def main() -> int:
    """0: it has read the server, 2: it cannot by these annotations."""
    parser = argparse.ArgumentParser(prog="memwalk", description="Find stages, edges and objects.")
    parser.add_argument("annotations", type=Path, help="practice/annotations.toml, or yours")
    parser.add_argument("folder", type=Path, help="of the sources: practice, or server")
    given = parser.parse_args()
    try:
        sources = {path.name: path.read_text() for path in sorted(given.folder.glob("*.[ch]"))}
        print(describe(walk(given.annotations.read_text(), sources)))
    except (AnnotationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
