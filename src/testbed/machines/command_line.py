# SPDX-License-Identifier: MIT
"""From an experiment to QEMU's command lines: every flag here is there for determinism."""

# DEVIATIONS.md: [slab memory], [disk]

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ground.seeds import derive_bytes
from testbed.experiment import Experiment, Link
from testbed.hardware.geometry import (
    Cache,
    ClockRate,
    Core,
    Geometry,
    finalize_rate,
    finalize_stall,
)
from testbed.hardware.platform import finalize_kernel_arguments

KERNEL_ARGUMENTS = (
    "console=ttyS0",
    "quiet",
    "panic=-1",  # with -no-reboot: a panic ends the machine
    "oops=panic",
    "tsc=reliable",  # the rate of virtual time is known: no calibration loops at boot
    "tsc_early_khz=1000000",
    # No card here needs time to settle. The real ones get 50 us for each bit of the EEPROM, in
    # loops that took nine tenths of the instructions of a boot.
    "lpj=1000",
    "nolapic",
    "noapic",
    "no_timer_check",
    "norandmaps",  # user-space addresses are no source of variance here; the seed moves pages
    "nokaslr",
)
# Set aside on every server machine, whatever runs there, so that all have the same memory left:
# what Stingy lays its map over, at a multiple of any L2's way.
SLAB_MEMORY = "reserve_mem=32M:1M:stingy"
RTC_BASE = "2006-01-01"
KERNEL_BASE = 0xB000_0000  # CONFIG_VMSPLIT_3G_OPT: where the kernel maps the RAM


@dataclass(frozen=True)
class Boot:
    """What one machine boots: paths of build products; ``profiler`` is QEMU's plugin that counts
    instructions."""

    qemu: Path
    firmware: Path
    kernel: Path
    root: Path
    profiler: Path | None = None


@dataclass(frozen=True)
class Wire:
    """One end of a timed link: the shared memory, the side, and where its records go."""

    path: str
    side: int
    client: int
    mac: str
    pcap: Path | None
    stats: Path


@dataclass(frozen=True)
class MachinePlan:
    """One machine to start: its command, its directory, the files that show that it lives."""

    name: str
    directory: Path
    argv: tuple[str, ...]
    outputs: tuple[Path, ...]

    @property
    def console(self) -> Path:
        """The serial console's log."""
        return self.directory / "console.txt"


def find_mac(client: int, side: int) -> str:
    """The fixed address of one end of the link of client number ``client`` (from 1)."""
    return f"52:54:00:00:{client:02x}:{side + 1:02x}"


def plan_machine(
    experiment: Experiment,
    boot: Boot,
    name: str,
    directory: Path,
    wires: tuple[Wire, ...],
) -> MachinePlan:
    """The plan of the machine ``name`` (``server``, ``client1``, ...) in ``directory``.

    ``directory`` must hold ``job.sh`` and ``entropy.bin``, which the guest reads.
    """
    is_server = name == "server"
    machines = experiment.machines
    rate = finalize_rate(experiment.core) if is_server else machines.client_rate
    memory = experiment.platform.memory_mib if is_server else machines.client_memory_mib
    arguments = list_kernel_arguments(experiment, len(wires), is_server=is_server)
    argv = [
        *(str(boot.qemu), "-L", str(boot.firmware), "-nodefaults", "-no-user-config"),
        *("-M", "pc,hpet=off,usb=off,vmport=off,kernel-irqchip=off", "-accel", "tcg"),
        *("-cpu", "pentium3", "-m", str(memory), "-display", "none", "-monitor", "none"),
        *("-no-reboot", "-rtc", f"base={RTC_BASE},clock=vm", "-seed", "1"),
        *finalize_icount(rate),
        *("-kernel", str(boot.kernel), "-initrd", str(boot.root)),
        *("-append", " ".join(arguments)),
        *("-serial", f"file:{directory / 'console.txt'}"),
        *("-chardev", format_options("file", {"id": "frames", "path": directory / "frames.bin"})),
        *("-device", "isa-debugcon,iobase=0xe9,chardev=frames"),
        *_share_file("job", directory / "job.sh"),
        *_share_file("entropy", directory / "entropy.bin"),
    ]
    outputs = [directory / "console.txt", directory / "frames.bin"]
    if is_server:
        argv += ["-object", finalize_cache_model(experiment, directory)]
        outputs.append(directory / "counters.jsonl")
        if experiment.instruments.profile and boot.profiler:
            argv += ["-plugin", finalize_profiler(boot.profiler, directory)]
    for wire in wires:
        argv += finalize_wire(experiment, wire)
        outputs += [wire.pcap] if wire.pcap else []
    return MachinePlan(name, directory, tuple(argv), tuple(outputs))


def format_options(kind: str, options: Mapping[str, object]) -> str:
    """An argument of QEMU: ``kind`` and its options; a comma in either is written twice."""
    pairs = [f"{key}={quote_option(value)}" for key, value in options.items()]
    return ",".join([*([quote_option(kind)] if kind else []), *pairs])


def quote_option(value: object) -> str:
    """``value`` as QEMU wants it between the commas of its options."""
    return str(value).replace(",", ",,")


def _share_file(name: str, path: Path) -> tuple[str, str]:
    """``path`` as a file of the run's input, which the guest finds below opt/testbed."""
    return "-fw_cfg", format_options("", {"name": f"opt/testbed/{name}", "file": path})


def finalize_icount(rate: ClockRate) -> tuple[str, ...]:
    """Virtual time: one instruction lasts ``rate``, in lowest terms."""
    return ("-icount", f"shift=0,sleep=off,num={rate.num},den={rate.den}")


def list_kernel_arguments(experiment: Experiment, nics: int, *, is_server: bool) -> list[str]:
    """The guest's kernel command line; the driver's options are given once a NIC."""
    if is_server:
        own = (SLAB_MEMORY, *finalize_kernel_arguments(experiment.platform, nics))
    else:
        rings = ",".join([str(experiment.machines.client_descriptors)] * nics)
        own = (f"e1000.RxDescriptors={rings}", f"e1000.TxDescriptors={rings}") if nics else ()
    return [*KERNEL_ARGUMENTS, *own, *experiment.machines.kernel_arguments]


def finalize_cache_model(experiment: Experiment, directory: Path) -> str:
    """The cache model's options: geometry in bytes, penalties in thousandths of a unit."""
    geometry, core = experiment.geometry, experiment.core
    options = {
        "l1i": _format_cache(geometry.l1i),
        "l1d": _format_cache(geometry.l1d),
        "l2": _format_cache(geometry.l2),
        "policy": geometry.policy,
        "kernel-base": f"{KERNEL_BASE:#x}",
        **_finalize_stalls(core),
        **(_finalize_tlbs(geometry, core) if experiment.instruments.tlb else {}),
        "output": str(directory / "counters.jsonl"),
        "sample-ns": str(experiment.instruments.sample_ns),
    }
    if geometry.policy == "random":
        options["seed"] = str(experiment.seed)
    if experiment.instruments.profile:
        options["profile"] = str(directory / "profile.txt")
    return format_options("cache-model", {"id": "cm0", **options})


def finalize_profiler(plugin: Path, directory: Path) -> str:
    """The plugin that counts the server's instructions by block."""
    options = {"out": directory / "instructions.txt", "kernel-base": f"{KERNEL_BASE:#x}"}
    return format_options(str(plugin), options)


def finalize_wire(experiment: Experiment, wire: Wire) -> list[str]:
    """One NIC on one timed link."""
    link: Link = experiment.link
    options = {
        "id": f"n{wire.client}",
        "path": wire.path,
        "side": str(wire.side),
        "latency": str(link.latency_ns),
        "quantum": str(link.quantum_ns),
        "bandwidth": str(link.bandwidth),
        "queue": str(link.queue_bytes),
        "fifo": str(_find_fifo_bytes(experiment, wire)),
        "stats": str(wire.stats),
    }
    if link.jitter_ns:
        seed = derive_bytes(experiment.seed, f"jitter/{wire.client}/{wire.side}", 4)
        options["jitter"] = str(link.jitter_ns)
        options["jitter-seed"] = str(int.from_bytes(seed, "little"))
    if wire.pcap:
        options["pcap"] = str(wire.pcap)
    return [
        "-netdev",
        format_options("timedlink", options),
        "-device",
        f"e1000,netdev=n{wire.client},mac={wire.mac},romfile=",
    ]


def _find_fifo_bytes(experiment: Experiment, wire: Wire) -> int:
    """Bytes that may wait at this end of the wire for a descriptor."""
    card = experiment.platform.card
    return card.fifo_bytes if wire.side == 0 else experiment.link.client_fifo_bytes


def _format_cache(cache: Cache) -> str:
    return f"{cache.size}:{cache.ways}:{cache.line}"


def _finalize_stalls(core: Core) -> dict[str, str]:
    penalties = {
        "stall-l1i": core.l1.fetch,
        "stall-l1d-load": core.l1.load,
        "stall-l1d-store": core.l1.store,
        "stall-l2-fetch": core.l2.fetch,
        "stall-l2-load": core.l2.load,
        "stall-l2-store": core.l2.store,
        **{f"stall-{name.replace('_', '-')}": cycles for name, cycles in core.events},
    }
    return {key: str(finalize_stall(core, cycles)) for key, cycles in penalties.items()}


def _finalize_tlbs(geometry: Geometry, core: Core) -> dict[str, str]:
    return {
        "itlb": f"{geometry.itlb.entries}:{geometry.itlb.ways}",
        "dtlb": f"{geometry.dtlb.entries}:{geometry.dtlb.ways}",
        "stall-itlb": str(finalize_stall(core, core.itlb)),
        "stall-dtlb": str(finalize_stall(core, core.dtlb)),
    }
