# SPDX-License-Identifier: MIT
"""The hidden tests: the same families in other caches."""

from __future__ import annotations

from labs.colouring.problems import LONG, WIDE, make_crowded, make_heads, make_middles, make_pages
from labs.colouring.running import Trial

CASES = [
    Trial("hidden.crowded", 10, "which sets are crowded? long lines", make_crowded, LONG).case(
        crowded=True, hidden=True
    ),
    *(
        trial.case(hidden=True)
        for trial in (
            Trial("hidden.pages", 11, "a page each, wide cache", make_pages, WIDE),
            Trial("hidden.heads", 11, "hot heads, long lines", make_heads, LONG),
            Trial("hidden.middles", 11, "hot middles, long lines", make_middles, LONG),
        )
    ),
]
