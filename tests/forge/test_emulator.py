# SPDX-License-Identifier: MIT
"""QEMU is the same program wherever it is built: what else is installed does not reach it.

Its source is configured once on a host that seems to have everything: each header, library and
package that Meson could look for lies in the compiler's paths.  None of them may be found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forge.emulator import EmulatorRecipe
from forge.pipeline import Pipeline
from forge.stage import Workshop
from ground.process import Argv, run

pytestmark = pytest.mark.real

# What host.txt has for the build of QEMU, and what each C compiler has.
NEEDED_PACKAGES = {"glib-2.0", "gmodule-no-export-2.0", "threads", "zlib"}
NEEDED_LIBRARIES = {"fdt", "m", "rt", "util"}
HEADER_PACKAGES = ("libc6-dev", "libgcc-12-dev", "linux-libc-dev")
# Headers of systems other than Linux: no package has them at this place.
FOREIGN_HEADERS = {"sys/disk.h", "sys/ioccom.h", "sys/kcov.h"}
SWITCH = {"auto", "disabled", "enabled"}
HEADER_CHECK = r"config_host_data\.set\('\w+', cc\.has_header\('([^']+)'\)\)"


@dataclass(frozen=True)
class FullHost(Workshop):
    """A workshop on a host that has more than the build needs."""

    offered: Path

    def run(self, argv: Argv, *, cwd: Path | None = None, env: Mapping[str, str] = {}) -> None:
        """Run one command, with the offered headers, libraries and packages in sight."""
        paths = {
            "CPATH": str(self.offered / "include"),
            "LIBRARY_PATH": str(self.offered / "lib"),
            "PKG_CONFIG_PATH": str(self.offered / "packages"),
        }
        super().run(argv, cwd=cwd, env={**paths, **env})


@dataclass(frozen=True)
class Configured:
    """The source and the build folder, before anything is compiled."""

    source: Path
    build: Path

    def introspect(self, what: str) -> list[dict[str, Any]]:
        """Meson's own account of the build folder."""
        found: list[dict[str, Any]] = json.loads(
            (self.build / "meson-info" / f"intro-{what}.json").read_text()
        )
        return found


def read_listing(source: str, call: str) -> set[str]:
    """The first arguments of all calls of ``call`` in Meson's language."""
    return set(re.findall(rf"\b{call}\('([^'@]+)'", source))


def offer_everything(listing: str, offered: Path) -> None:
    """Make all that ``meson.build`` asks for, and that the build does not need."""
    for name in ("include", "lib", "packages"):
        (offered / name).mkdir()
    # The headers that upstream looks for at a place where a package of Debian has them.
    for name in ("valgrind/valgrind.h", "libdrm/drm.h"):
        path = offered / "include" / name
        path.parent.mkdir()
        path.touch()
    for name in read_listing(listing, "find_library") - NEEDED_LIBRARIES:
        (offered / "lib" / f"lib{name}.a").write_bytes(b"!<arch>\n")
    for name in read_listing(listing, "dependency") - NEEDED_PACKAGES:
        text = f"Name: {name}\nDescription: offered\nVersion: 5.5\nLibs: -L{offered}/lib\n"
        (offered / "packages" / f"{name}.pc").write_text(f"{text}Cflags: -I{offered}/include\n")


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Configured:
    folder = tmp_path_factory.mktemp("qemu")
    for name in ("output", "work", "offered", "original"):
        (folder / name).mkdir()
    tarball = Pipeline()._single("qemu")
    run(
        ["tar", "-xf", tarball, "--strip-components=1", "--wildcards", "*/meson.build"],
        cwd=folder / "original",
    )
    offer_everything((folder / "original" / "meson.build").read_text(), folder / "offered")
    workshop = FullHost(
        folder / "output", folder / "work", folder / "log", jobs=1, offered=folder / "offered"
    )
    build = EmulatorRecipe(tarball).configure(workshop)
    return Configured(workshop.scratch / "qemu", build)


def test_no_header_library_or_package_of_chance_is_used(configured: Configured) -> None:
    assert "/offered/" not in (configured.build / "build.ninja").read_text()
    found = (configured.build / "config-host.h").read_text()
    assert "#undef CONFIG_VALGRIND_H\n" in found
    assert "#undef HAVE_DRM_H\n" in found


def test_each_header_that_is_looked_for_is_of_the_toolchain(configured: Configured) -> None:
    checks = re.findall(
        rf"^{HEADER_CHECK}", (configured.source / "meson.build").read_text(), re.MULTILINE
    )
    assert "sys/epoll.h" in checks  # the pattern still fits
    files = run(["dpkg-query", "-L", *HEADER_PACKAGES]).stdout.splitlines()
    known = {re.sub(r"^/usr/include/(x86_64-linux-gnu/)?", "", name) for name in files}
    assert set(checks) - known <= FOREIGN_HEADERS


def test_no_option_is_left_to_detection(configured: Configured) -> None:
    options = configured.introspect("buildoptions")
    values = {option["name"]: option["value"] for option in options}
    assert values["auto_features"] == "disabled"  # holds for all that is a switch by type
    assert values["wrap_mode"] == "nodownload"
    detected = [
        option["name"]
        for option in options
        if option["section"] == "user"
        and option["value"] == "auto"
        and set(option.get("choices") or ()) != SWITCH
    ]
    assert detected == []


def test_the_compiler_is_the_one_of_the_key(configured: Configured) -> None:
    """`cc` is an alternative, which may be Clang."""
    rules = (configured.build / "build.ninja").read_text()
    assert set(re.findall(r"^ command = (\S*(?:cc|clang)) ", rules, re.MULTILINE)) == {"gcc"}
