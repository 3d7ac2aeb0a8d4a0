# SPDX-License-Identifier: MIT
"""What the `testbed.*` tasks do: each returns the exit code that its command ends with."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from ground.errors import ExitCode, UsageError
from ground.files import write_atomically
from ground.paths import find_outputs
from ground.terminal import complete_step
from testbed.display.consoles import run_shell
from testbed.display.flame_graph import draw_flame_graph
from testbed.display.tables import (
    show_geometry,
    show_instructions,
    show_measurement,
    show_platform,
    show_profile,
)
from testbed.experiment import Experiment, Instruments
from testbed.faults import MeasurementInvalid
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import load_platform
from testbed.loads.command_line import parse_load
from testbed.machines.products import load_products
from testbed.measurement import Measurement
from testbed.outputs.emissions import read_emissions
from testbed.outputs.profile import (
    build_tree,
    parse_module_symbols,
    rank_symbols,
    read_instructions,
    read_profile,
    read_symbols,
)
from testbed.run import run_products

terminal = Console()


def plan_experiment(
    server: str,
    load: str,
    geometry: str,
    platform: str,
    seed: int,
    *,
    profile: bool = False,
    tlb: bool = False,
) -> Experiment:
    """The experiment that a command line describes; UsageError if it describes none."""
    file = load_geometry(geometry)
    asked = parse_load(load)
    try:
        return Experiment(
            server=asked.program or asked.partner or server,
            load=asked,
            geometry=file.geometry,
            core=file.core,
            platform=load_platform(platform).platform,
            seed=seed,
            instruments=Instruments(profile=profile, tlb=tlb),
        )
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError(message, hint=f"choose another load, or correct {file.path}") from None


def run_command(experiment: Experiment, keep: str, as_json: bool) -> ExitCode:
    """One run; its files stay in the directory ``keep``, if given.  0 valid, 1 invalid."""
    products = load_products()
    with ExitStack() as stack:
        directory = _choose_directory(keep, stack)
        with complete_step(f"Running {experiment.server} on {experiment.geometry.name}"):
            measurement = run_products(experiment, products, directory)
        _print_measurement(measurement, as_json)
    return ExitCode.HOLDS if measurement.status == "valid" else ExitCode.DOES_NOT_HOLD


def profile_command(experiment: Experiment, top: int, keep: str) -> ExitCode:
    """One profiled run: the top functions by instructions and by L2 misses, and a flame graph of
    the misses as SVG."""
    products = load_products()
    directory = Path(keep) if keep else find_outputs() / "profile"
    with complete_step(f"Profiling {experiment.server} on {experiment.geometry.name}"):
        measurement = run_products(experiment, products, directory, keep_raw=False)
    server = directory / "server"
    emitted = read_emissions(server / "frames.bin")
    modules = parse_module_symbols(emitted.text("module-symbols"))
    symbols = read_symbols(products.symbols, modules)
    stacks = read_profile(server / "profile.txt", symbols)
    if not stacks:
        raise MeasurementInvalid("the profile is empty", hint="ask for more requests")
    title = f"L2 misses: {experiment.server}, {experiment.geometry.name}"
    svg = directory / "flame.svg"
    write_atomically(svg, draw_flame_graph(build_tree(stacks), title).encode())
    requests = max(measurement.load_report.completed, 1)
    instructions = read_instructions(server / "instructions.txt", symbols)
    terminal.print(show_instructions(instructions, requests, top))
    terminal.print(show_profile(rank_symbols(stacks), requests, top))
    terminal.print(f"flame graph: {svg}", soft_wrap=True)
    return ExitCode.HOLDS if measurement.status == "valid" else ExitCode.DOES_NOT_HOLD


def shell_command() -> ExitCode:
    """Both machines on this terminal."""
    products = load_products()
    run_shell(products.server, products.client)
    return ExitCode.HOLDS


def geometry_command(name: str, as_json: bool) -> ExitCode:
    """Show and check a geometry file."""
    file = load_geometry(name)
    if as_json:
        sys.stdout.write(file.model_dump_json(indent=1) + "\n")
    else:
        terminal.print(show_geometry(file))
    return ExitCode.HOLDS


def platform_command(name: str, as_json: bool) -> ExitCode:
    """Show and check a platform file."""
    file = load_platform(name)
    if as_json:
        sys.stdout.write(file.model_dump_json(indent=1) + "\n")
    else:
        terminal.print(show_platform(file))
    return ExitCode.HOLDS


def _choose_directory(keep: str, stack: ExitStack) -> Path:
    if keep:
        return Path(keep)
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="testbed-")))


def _print_measurement(measurement: Measurement, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(measurement.model_dump_json(indent=1) + "\n")
    else:
        terminal.print(show_measurement(measurement))
