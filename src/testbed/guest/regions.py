# SPDX-License-Identifier: MIT
"""Where L2 misses come from: memory is marked by what it serves for, misses are booked to it.

Two parties mark.  The module `regions.ko` marks pages, slab pages by their cache, page cache, page
tables, kernel image and so on: all before the load, later each that the page allocator hands out.
A server in the kernel marks its own objects as it allocates and frees them.  Both execute
instructions: such a run is an instrument of its own, and its throughput is nobody's result.
"""

# DEVIATIONS.md: [origin of misses]

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ground.errors import ArtifactError
from testbed.experiment import Experiment
from testbed.link.pcap import Ints
from testbed.measurement import Attribution, ObjectCount, Window
from testbed.outputs.counters import CounterRecord
from testbed.outputs.emissions import Emissions

CODE = "code"  # name of all misses of fetches, which the model books to no region
MODULE = "/usr/lib/regions/regions.ko"
STAT = "/proc/net/tux/stat"  # the server's own account of its objects
SNAPSHOTS = 40  # of it, during the load; each is marked by a note with its number
EXPECTED_RATE = 16_000  # requests/s; it spaces the snapshots, and nothing hangs on its exactness
# Numbers of src/tux/region.h; from 36 on in the order of enum tux_object in stat.h.
TUX_REGIONS = {
    32: "tux-text",
    33: "tux-globals",
    34: "tux-stack",
    35: "tux-free",
    36: "tux-request",
    37: "tux-socket",
    38: "tux-header",
    39: "tux-abuf",
    40: "tux-file",
}


class RegionError(ArtifactError):
    """The guest's list of regions, or the server's account, is not in its known form."""


def write_walk(experiment: Experiment) -> list[str]:
    """Shell lines that mark all memory, once the server runs, and go on marking."""
    if not experiment.instruments.regions:
        return []
    line = experiment.geometry.l2.line
    return [
        'address() { echo "0x$(grep " $1\\$" /proc/kallsyms | cut -c 1-8)"; }',
        f"insmod {MODULE} line={line} text=$(address _text) etext=$(address _etext)"
        " end=$(address _end) || fail 'no module for regions'",
        "echo walk > /proc/regions",
    ]


def write_snapshots(experiment: Experiment) -> list[str]:
    """Shell lines that keep the server's own account now and then, beside everything else."""
    if not experiment.instruments.regions:
        return []
    requests = experiment.load.expected_requests
    step = requests / EXPECTED_RATE / SNAPSHOTS
    return [
        f"( [ -r {STAT} ] || exit; n=0; while [ $n -lt {SNAPSHOTS} ]; do n=$((n + 1))",
        f"  sleep {step:.4f}; cp {STAT} /run/objects.$n; mark note $n",
        "done ) & snapshots=$!",
    ]


def write_account(experiment: Experiment) -> list[str]:
    """Shell lines that hand over what was marked and kept, after the load."""
    if not experiment.instruments.regions:
        return []
    return [
        "kill $snapshots 2> /dev/null; wait $snapshots",
        "emit regions < /proc/regions",
        "for f in /run/objects.*; do [ -r $f ] && emit ${f#/run/} < $f; done",
    ]


def write_marking(experiment: Experiment) -> list[str]:
    """Shell lines before the server starts: the environment tells its start line whether to mark
    its own memory."""
    if not experiment.instruments.regions:
        return ["export MARK_REGIONS=0"]
    # The model takes no marks before its first start or stop, and stopping what does not run
    # does nothing else.
    return ["mark stop", f"export MARK_REGIONS={experiment.geometry.l2.line}"]


def parse_regions(text: str) -> tuple[dict[int, str], dict[str, int]]:
    """/proc/regions: names by number, and pages by name before the load."""
    names = dict(TUX_REGIONS)
    pages: dict[str, int] = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"(\d+) (\d+) (\S+)", line):
            names[int(match[1])] = match[3]
            pages[match[3]] = pages.get(match[3], 0) + int(match[2])
        elif not re.fullmatch(r"probed \d+", line):
            raise RegionError(f"/proc/regions: {line!r} is neither a region nor a count")
    return names, pages


def parse_samples(text: str) -> tuple[int, dict[str, dict[str, int]]]:
    """The server's account: number of samples so far; by object type their sums of ``live`` and
    ``bytes``, and the ``peak``."""
    count = re.search(r"^samples (\d+)$", text, re.MULTILINE)
    found: dict[str, dict[str, int]] = {}
    lines = re.findall(r"^sampled\.(\w+)\.(live|bytes|peak) (\d+)$", text, re.MULTILINE)
    if count is None or not lines:
        raise RegionError(f"{STAT} has no samples: was the server loaded with mark_regions?")
    for name, kind, value in lines:
        found.setdefault(name, {})[kind] = int(value)
    return int(count[1]), found


def attribute(
    records: Sequence[CounterRecord],
    emitted: Emissions,
    completions: Ints,
    window: Window,
) -> Attribution:
    """L2 misses per request by region, and live objects, in the steady window."""
    inside = [r for r in records if window.start_ns <= r.link_ns <= window.end_ns]
    start, end = inside[0], inside[-1]
    requests = int(np.count_nonzero((completions > start.link_ns) & (completions <= end.link_ns)))
    names, pages = parse_regions(emitted.text("regions"))
    notes = [r.arg for r in inside if r.ev == "note" and f"objects.{r.arg}" in emitted]
    return Attribution(
        start_ns=start.link_ns,
        end_ns=end.link_ns,
        requests=requests,
        misses_per_request=_count_misses(start, end, names, max(requests, 1)),
        pages=dict(sorted(pages.items())),
        objects=_average([parse_samples(emitted.text(f"objects.{n}")) for n in notes]),
    )


def _count_misses(
    start: CounterRecord, end: CounterRecord, names: Mapping[int, str], requests: int
) -> dict[str, float]:
    before = [*start.region_l2, *[0] * (len(end.region_l2) - len(start.region_l2))]
    found: dict[str, float] = {}
    for number, (first, last) in enumerate(zip(before, end.region_l2, strict=True)):
        if last > first:
            name = names.get(number, f"region-{number}")
            found[name] = found.get(name, 0) + (last - first) / requests
    found[CODE] = (sum(end.l2_fetch) - sum(start.l2_fetch)) / requests
    return dict(sorted(found.items()))


def _average(
    snapshots: Sequence[tuple[int, Mapping[str, Mapping[str, int]]]],
) -> tuple[ObjectCount, ...]:
    """Means over the samples between the first and the last snapshot."""
    if len(snapshots) < 2 or snapshots[-1][0] == snapshots[0][0]:
        return ()
    (before, first), (after, last) = snapshots[0], snapshots[-1]
    return tuple(
        ObjectCount(
            name=name,
            live=(last[name]["live"] - first[name]["live"]) / (after - before),
            bytes=(last[name]["bytes"] - first[name]["bytes"]) / (after - before),
            peak=last[name]["peak"],
        )
        for name in sorted(first)
    )
