# SPDX-License-Identifier: MIT
"""Lab 5 on the real server: a student's policy.c becomes TUX's scheduler, and one run judges it.

The policy is compiled in a copy of TUX's sources, and its module laid over the server's root, so
that nothing on which a stored result depends is touched.  It needs what ``./invoke build`` made.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from forge.modules import MODULES, Module, ModuleRecipe, find_sources
from forge.pipeline import Pipeline
from forge.tree import Tree, format_cpio
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import digest_bytes, write_atomically
from ground.paths import find_outputs
from ground.terminal import complete_step, console
from labs.catalogue import HERE
from testbed.cli import plan_experiment
from testbed.machines.products import Products, load_products
from testbed.measurement import Measurement
from testbed.run import run_products

BRIDGE = HERE / "scheduler/kernel"
HANDOUT = HERE / "scheduler/handout"
TUX = MODULES[0]
STOCK, BY_STAGE = "tux", "tux-scheduler"  # who runs first; whose module is replaced
LOAD = "ab -c 1000 -n 25000"  # 8,000 are too few for a steady window
ALIGNMENT = 512  # of one cpio archive behind another


@dataclass(frozen=True)
class Judged:
    """A quantity that is judged as a share of stock TUX's under the same load."""

    title: str
    points: int
    full_at: float
    zero_at: float
    measure: Callable[[Measurement], float]

    def judge(self, share: float) -> float:
        """Points, linear between the two bounds."""
        part = (self.zero_at - share) / (self.zero_at - self.full_at)
        return self.points * min(1.0, max(0.0, part))


def count_misses(measurement: Measurement) -> float:
    """L2 misses on data per request."""
    assert measurement.window
    return measurement.window.misses_per_request.l2_data


def count_alive(measurement: Measurement) -> float:
    """Connections that TUX has accepted and not closed, on average."""
    assert measurement.ledger
    return measurement.ledger.parts["accepted"]


# Bounds as shares of what first come, first served takes: none of the points for as much as that,
# all for about what TUX's own scheduler with a query needs. The reference policy takes 0.50 and
# 0.15.
JUDGED = (
    Judged("L2 data misses a request", 50, 0.6, 1.0, count_misses),
    Judged("connections accepted, on average", 50, 0.4, 1.0, count_alive),
)


def run_drive(policy: Path, *, keep: str, seed: int) -> ExitCode:
    """Build, run stock and the policy, judge.  0: all points, 1: not all."""
    if not policy.is_file():
        raise UsageError(f"{policy} is not a file", hint="give the policy.c of lab 5")
    products = load_products()
    folder = Path(keep) if keep else find_outputs() / "labs" / "drive"
    own = replace_module(products, build_module(policy), folder / "root.cpio")
    stock = measure(STOCK, seed, products, folder / "stock")
    mine = measure(BY_STAGE, seed, own, folder / "policy")
    return show(stock, mine, find_complaint(folder / "policy"))


def build_module(policy: Path) -> Path:
    """tux.ko with the policy in it; ArtifactError names the compiler's log."""
    pipeline = Pipeline()
    with TemporaryDirectory(prefix="lab-drive-") as name:
        folder = Path(name)
        for file, path in {**find_sources(TUX.sources), **find_sources(BRIDGE)}.items():
            shutil.copyfile(path, folder / file)
        with (folder / "Makefile").open("a") as stream:
            stream.write((BRIDGE / "Makefile.add").read_text())
        shutil.copyfile(HANDOUT / "policy.h", folder / "policy.h")
        shutil.copyfile(policy, folder / "policy.c")
        module = Module(TUX.name, folder, TUX.place, "lab", TUX.config)
        built = pipeline.store.obtain(ModuleRecipe(module, pipeline.kernel("server")).stage())
    return built / TUX.file


def replace_module(products: Products, module: Path, target: Path) -> Products:
    """The same machines, the server's root with ``module`` in the place of stock's.

    The kernel unpacks one archive after the other, and a later file replaces an earlier one.
    """
    tree = Tree()
    tree.add_file(TUX.installed, module.read_bytes())
    archive = products.server.root.read_bytes()
    archive += b"\0" * (-len(archive) % ALIGNMENT) + format_cpio(tree)
    write_atomically(target, archive)
    digests = {**products.digests, "server.root": digest_bytes(archive)}
    return replace(products, server=replace(products.server, root=target), digests=digests)


def measure(server: str, seed: int, products: Products, folder: Path) -> Measurement:
    """One run, unless ``folder`` has the same one; ArtifactError if it is invalid."""
    experiment = plan_experiment(server, LOAD, "banias-1400", "lcn2006", seed)
    stored = folder / "measurement.json"
    if stored.exists():
        found = Measurement.model_validate_json(stored.read_bytes())
        if found.experiment == experiment and found.products == dict(products.digests):
            return check_valid(found, folder)
    with complete_step(f"Running {folder.name}: {LOAD}"):
        return check_valid(run_products(experiment, products, folder, keep_raw=False), folder)


def check_valid(measurement: Measurement, folder: Path) -> Measurement:
    """The measurement, if it may be judged."""
    broken = [gate.name for gate in measurement.gates if not gate.passed]
    if measurement.status != "valid":
        raise ArtifactError(
            f"the run in {folder} is invalid: {', '.join(broken)}",
            hint="a policy that lets requests wait for ever loses connections",
            code=ExitCode.DOES_NOT_HOLD,
        )
    return measurement


def find_complaint(folder: Path) -> str:
    """What the bridge says of a visit that could not be; empty if nothing."""
    lines = (folder / "server/console.txt").read_text(errors="replace").splitlines()
    return next((line.partition("tux: ")[2] for line in lines if "tux: no visit" in line), "")


def show(stock: Measurement, mine: Measurement, complaint: str) -> ExitCode:
    """The table with the points."""
    table = Table("", "stock", "policy", "share", "all points at", "points")
    total = 0.0
    for one in JUDGED:
        base, value = one.measure(stock), one.measure(mine)
        share = value / base
        points = 0.0 if complaint else one.judge(share)
        total += points
        table.add_row(
            one.title, f"{base:.1f}", f"{value:.1f}", f"{share:.2f}", f"{one.full_at:g}",
            f"{points:.1f} of {one.points}",
        )  # fmt: skip
    console.print(table)
    assert stock.window
    assert mine.window
    rates = (stock.window.requests_per_s, mine.window.requests_per_s)
    console.print(f"requests a second: {rates[0]:,.0f} stock, {rates[1]:,.0f} policy (not judged)")
    if complaint:
        console.print(f"no points: the policy chose what cannot be ({complaint})")
    possible = sum(one.points for one in JUDGED)
    console.print(f"{total:.1f} of {possible} points")
    return ExitCode.HOLDS if total == possible else ExitCode.DOES_NOT_HOLD
