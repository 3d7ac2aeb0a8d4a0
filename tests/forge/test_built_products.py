# SPDX-License-Identifier: MIT
"""The built products: what is inside them, and that building again makes the same bytes."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge.container import ARCHIVE, format_storage
from forge.disk import FIRST_SECTOR, SECTOR
from forge.kernel import extract_payload
from forge.manifest import NAME, MachineProducts, Manifest
from forge.pipeline import Pipeline
from ground.files import digest_bytes, digest_file
from ground.paths import PROJECT, find_outputs
from ground.process import run
from testbed.guest.servers import find_servers, load_server
from testbed.machines.command_line import SLAB_MEMORY

pytestmark = pytest.mark.real
MACHINES = ("server", "client")


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Manifest.load(find_outputs() / NAME)


def find_machine(manifest: Manifest, name: str) -> MachineProducts:
    return {"server": manifest.server, "client": manifest.client}[name]


def boot(manifest: Manifest, machine: str, job: str, folder: Path, timeout_s: float = 120) -> str:
    """Run ``job`` on one machine without a network; its console's text."""
    products = find_machine(manifest, machine)
    (folder / "job.sh").write_text(job)
    (folder / "entropy").write_bytes(bytes(range(64)))
    arguments = "console=ttyS0 quiet panic=-1 tsc=reliable tsc_early_khz=1000000 lpj=1000"
    if machine == "server":
        arguments += f" {SLAB_MEMORY}"
    run(
        [
            *(manifest.qemu.path, "-L", manifest.firmware.path, "-nodefaults", "-no-user-config"),
            *("-M", "pc,hpet=off,usb=off", "-cpu", "pentium3", "-m", "768", "-display", "none"),
            *("-no-reboot", "-rtc", "base=2006-01-01,clock=vm", "-seed", "1"),
            *("-icount", "shift=0,sleep=off"),
            *("-kernel", products.kernel.path, "-initrd", products.root.path),
            *("-append", arguments, "-serial", f"file:{folder / 'console'}"),
            *("-chardev", f"file,id=frames,path={folder / 'frames'}"),
            *("-device", "isa-debugcon,iobase=0xe9,chardev=frames"),
            *("-fw_cfg", f"name=opt/testbed/job,file={folder / 'job.sh'}"),
            *("-fw_cfg", f"name=opt/testbed/entropy,file={folder / 'entropy'}"),
        ],
        timeout_s=timeout_s,
    )
    return (folder / "console").read_text(errors="replace")


def test_every_product_is_what_the_manifest_says(manifest: Manifest) -> None:
    manifest.check()


@pytest.mark.parametrize("name", MACHINES)
def test_the_image_holds_the_kernel_and_the_root_of_the_manifest(
    manifest: Manifest, name: str, tmp_path: Path
) -> None:
    machine = find_machine(manifest, name)
    assert machine.image is not None
    raw = tmp_path / "disk.raw"
    run(["qemu-img", "convert", "-O", "raw", machine.image.path, raw])
    partition = f"{raw}@@{FIRST_SECTOR * SECTOR}"
    for inside, product in (("kernel", machine.bzimage), ("root.cpio", machine.root)):
        run(["mcopy", "-n", "-i", partition, f"::{inside}", tmp_path / inside])
        assert digest_file(tmp_path / inside) == product.sha256
    # What QEMU boots directly is the very image that the boot loader's kernel unpacks.
    payload = extract_payload((tmp_path / "kernel").read_bytes())
    assert digest_bytes(payload) == machine.kernel.sha256


@pytest.mark.parametrize("name", find_servers())
def test_every_server_starts_and_answers(manifest: Manifest, name: str, tmp_path: Path) -> None:
    server = load_server(name)
    job = "\n".join(
        [
            *server.setup,
            f"{server.start} || echo cannot start",
            f"n=0; until {server.ready}; do",
            "  n=$((n + 1)); [ $n -gt 100 ] && break; sleep 0.05",
            "done",
            "for f in f0 f63 100b 10k 100k; do",
            f"  wget -q -O /run/x http://127.0.0.1:{server.port}/$f",
            "  cmp /run/x /srv/www/$f && echo same $f",
            "done",
        ]
    )
    console = boot(manifest, "server", job, tmp_path)
    assert re.findall(r"same (\w+)", console) == ["f0", "f63", "100b", "10k", "100k"], console


def test_the_client_has_its_load_generators(manifest: Manifest, tmp_path: Path) -> None:
    job = (
        "ab -V | head -n 1\nhttperf --version | head -n 1\nnetperf -V\n"
        # More descriptors than select() knows by itself: httperf says so if it is limited.
        "ulimit -n 60000\n"
        "httperf --server 127.0.0.1 --port 9 --num-conns 1 2>&1 | grep -c FD_SETSIZE\n"
    )
    console = boot(manifest, "client", job, tmp_path)
    for name in ("ApacheBench", "httperf", "Netperf version"):
        assert name in console
    assert re.search(r"^0\s*$", console, re.MULTILINE), console


def test_frames_leave_the_guest_whole(manifest: Manifest, tmp_path: Path) -> None:
    boot(manifest, "client", "printf 'a\\nb' | emit two; : | emit none\n", tmp_path)
    assert (tmp_path / "frames").read_bytes() == b"@@ two 3\na\nb\n@@ none 0\n\n"


def test_half_of_the_shuffled_memory_comes_back(manifest: Manifest, tmp_path: Path) -> None:
    job = (
        "free() { awk '/MemFree/ { print \"free\", $2 }' /proc/meminfo; }\n"
        "free; insmod /usr/lib/shuffle/shuffle.ko mib=2000 || echo too much\n"
        "free; insmod /usr/lib/shuffle/shuffle.ko mib=128 seed=7; free\n"
    )
    console = boot(manifest, "server", job, tmp_path)
    before, refused, after = (int(n) for n in re.findall(r"free (\d+)", console))
    assert "too much" in console
    assert "Bad page" not in console
    assert abs(refused - before) < 2048
    assert 62 << 10 < refused - after < 67 << 10


@pytest.mark.parametrize("name", MACHINES)
def test_boot_is_short(manifest: Manifest, name: str, tmp_path: Path) -> None:
    """Instructions from power-on to the job: what the host pays at every launch."""
    console = boot(manifest, name, "cat /proc/uptime\n", tmp_path)
    match = re.search(r"^(\d+\.\d+) \d+\.\d+\s*$", console, re.MULTILINE)
    assert match, console
    # At one instruction a nanosecond, without the firmware's own.
    assert float(match[1]) < 0.25


@pytest.mark.slow
class TestBuiltTwice:
    """Another cache, another folder: the same digests.

    Kernels and QEMU take minutes each, so the second cache has the first one's; `./invoke
    build.twice` builds them anew and compares them too.
    """

    @pytest.fixture(scope="class")
    def pipelines(self, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, Pipeline]:
        first, second = Pipeline(), Pipeline(cache=tmp_path_factory.mktemp("cache"))
        (second.cache / "pool").symlink_to(first.cache / "pool")
        (second.cache / "stages").mkdir()
        for machine in MACHINES:
            kernel = first.stages()[f"kernel-{machine}"]()
            kept = second.cache / "stages" / f"kernel-{machine}"
            kept.symlink_to(kernel.directory.parent)
        return first, second

    @pytest.mark.parametrize("stage", ["firmware", "programs", "root-server", "root-client"])
    def test_stage(self, pipelines: tuple[Pipeline, Pipeline], stage: str) -> None:
        first, second = (pipeline.stages()[stage]() for pipeline in pipelines)
        assert second.fresh
        assert second.directory != first.directory
        assert second.digest == first.digest


@pytest.fixture
def short_path() -> Iterator[Path]:
    """podman refuses a runroot of more than 50 characters, which pytest's own folders exceed."""
    with tempfile.TemporaryDirectory(prefix="oci") as name:
        yield Path(name)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_container_needs_nothing_else(tmp_path: Path, short_path: Path) -> None:
    """The image, loaded into an empty store, gives the kick tier's results, byte for byte."""
    archive = Pipeline().container / ARCHIVE
    storage = format_storage(short_path)
    run(["podman", *storage, "load", "--input", archive])
    results = tmp_path / "results"
    results.mkdir()
    script = PROJECT / "images" / "container" / "run"
    kick = ["reproduce", "--tier", "kick", "--json", "--out"]
    inside = run(
        [script, *kick, "/results"],
        env={"PODMAN_STORAGE": " ".join(storage), "RESULTS": str(results)},
        timeout_s=1200,
    )
    invoke = Path(sys.executable).parent / "invoke"
    outside = run([invoke, *kick, tmp_path / "host", "--no-build"], cwd=PROJECT, timeout_s=1200)
    here, there = (json.loads(result.stdout) for result in (outside, inside))
    assert there["runs"] == here["runs"]
    assert there["results"] == here["results"]
