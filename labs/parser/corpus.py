# SPDX-License-Identifier: MIT
"""Inputs: requests, requests with something wrong in them, and edges that faults live at."""

from __future__ import annotations

from labs.grader.chance import Chance

NAMES = ("Host", "Accept", "User-Agent", "Cookie", "X-Long-Name", "via")
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789-_.~"


def make_path(chance: Chance, length: int) -> bytes:
    """A path that decodes to ``length`` bytes, some of them encoded."""
    parts = [b"/"]
    for _ in range(length - 1):
        kind = chance.below(12)
        if kind == 0:
            parts.append(b"%%%02x" % chance.between(0x21, 0x7E))
        elif kind == 1:
            parts.append(b"%%%02X" % chance.between(0x80, 0xFF))
        elif kind == 2:
            parts.append(b"%25")
        else:
            parts.append(bytes([chance.pick(LETTERS)]))
    return b"".join(parts)


def make_field(chance: Chance) -> bytes:
    """A field that means nothing to the parser."""
    value = bytes(chance.pick(LETTERS) for _ in range(chance.below(12)))
    return chance.pick(NAMES).encode() + b": " + value


def make_request(
    chance: Chance, *, path: bytes = b"", fields: list[bytes] | None = None, count: int = -1
) -> bytes:
    """A request head that is right, unless what is given is not."""
    path = path or make_path(chance, chance.between(1, 24))
    lines = list(fields or [])
    wanted = count if count >= 0 else chance.below(5)
    while len(lines) < wanted:
        lines.insert(chance.below(len(lines) + 1), make_field(chance))
    method = chance.pick((b"GET", b"GET", b"HEAD"))
    first = b"%s %s HTTP/1.%d" % (method, path, chance.below(2))
    return b"\r\n".join([first, *lines, b"", b""])


def _case(chance: Chance, name: bytes) -> bytes:
    return bytes(c ^ 0x20 if chr(c).isalpha() and chance.chance(1, 4) else c for c in name)


def make_valid(chance: Chance) -> bytes:
    """A plain request, with a length or a range at times."""
    fields = []
    if chance.chance(1, 3):
        fields.append(_case(chance, b"Content-Length") + b": %d" % chance.below(100000))
    if chance.chance(1, 3):
        first = chance.below(1000)
        fields.append(_case(chance, b"Range") + b": bytes=%d-%d" % (first, first + 9))
    tail = chance.data(chance.below(6)) if chance.chance(1, 3) else b""
    return make_request(chance, fields=fields) + tail


def make_mutated(chance: Chance) -> bytes:
    """A request that was cut, or has a byte changed, doubled or removed."""
    data = bytearray(make_valid(chance))
    for _ in range(chance.between(1, 2)):
        at = chance.below(len(data)) if data else 0
        kind = chance.below(4)
        if kind == 0:
            del data[at:]
        elif kind == 1 and data:
            data[at] = chance.below(256)
        elif kind == 2:
            data[at:at] = data[at : at + 3]
        else:
            del data[at : at + 1]
    return bytes(data)


def make_long_path(chance: Chance) -> bytes:
    """Paths around the largest that is allowed."""
    return make_request(chance, path=make_path(chance, chance.between(29, 36)))


def make_cut_escape(chance: Chance) -> bytes:
    """An input that ends in an escape of a path, or in what is none."""
    path = make_path(chance, chance.between(1, 12))
    return b"GET " + path + chance.pick((b"%", b"%4", b"%f", b"%g", b"%4g", b"%00", b"%41"))


def make_large_number(chance: Chance) -> bytes:
    """Lengths around the largest that 64 bits hold."""
    number = (1 << 64) + chance.between(-3, 12)
    if chance.chance(1, 3):
        number = chance.pick((10**20 - 1, 10**19 * 3 + 7, 10**25, 0))
    zeros = b"0" * chance.pick((0, 0, 1, 5))
    return make_request(chance, fields=[b"Content-Length: " + zeros + b"%d" % number])


def make_odd_range(chance: Chance) -> bytes:
    """Ranges that are backward, empty, or no ranges."""
    last = chance.between(0, 20)
    first = last + chance.between(-2, 3)
    spelled = chance.pick((b"%d-%d", b"%d-%d", b"%d-%d", b"%d-%dx", b"%d %d")) % (
        max(0, first),
        last,
    )
    return make_request(chance, fields=[b"Range: bytes=" + spelled])


def make_similar_name(chance: Chance) -> bytes:
    """Names of fields that begin as those that have a meaning, or are a part of them."""
    name = chance.pick((b"Content-Length", b"Range"))
    odd = chance.pick((name + b"s", name + b"-Limit", name[:-1], name, b"X-" + name))
    value = b"%d" % chance.below(50) if name[:1] == b"C" else b"bytes=1-5"
    return make_request(chance, fields=[odd + b": " + value])


def make_many_fields(chance: Chance) -> bytes:
    """As many fields as are allowed, and one or two more."""
    return make_request(chance, count=chance.between(6, 11))


EDGES = {
    1: ("long paths", make_long_path),
    2: ("escapes at the end", make_cut_escape),
    3: ("large numbers", make_large_number),
    4: ("odd ranges", make_odd_range),
    5: ("similar names", make_similar_name),
    6: ("many fields", make_many_fields),
}


def pack_inputs(inputs: list[bytes]) -> bytes:
    """What run.c reads."""
    return b"".join(len(data).to_bytes(4, "little") + data for data in inputs)
