# SPDX-License-Identifier: MIT
"""The account of Stingy's allocator, as a guest hands it over."""

from __future__ import annotations

import pytest

from testbed.guest.slab import SlabError, parse_slab_account

TEXT = """\
region.start 0x2000000
requests 239
object live peak allocs frees spills failures oversize
tux_req 3 216 25004 25001 0 0 1
tux_req_header 0 56 25100 25100 7 0 0
pool slots free high_slots high_free
tux_req 239 236 3857 3857
bad_frees 0
"""


def test_each_type_is_read() -> None:
    request, header = parse_slab_account(TEXT)
    assert request.name == "tux_req"
    assert (request.live, request.peak, request.allocs, request.frees) == (3, 216, 25004, 25001)
    assert (request.spills, request.failures, request.oversize) == (0, 0, 1)
    assert (header.name, header.peak, header.spills) == ("tux_req_header", 56, 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "object live\n",
        TEXT.replace("tux_req 3 216", "tux_req 216"),
        TEXT.replace("3 216", "3 many"),
    ],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(SlabError):
        parse_slab_account(text)
