# SPDX-License-Identifier: MIT
"""Programs for the guests that no package holds as we need them.

Our own (images/guest), httperf able to hold tens of thousands of connections, and netperf,
all i386, compiled on the host against the C library that the roots contain.
"""

# DEVIATIONS.md: [open loop]

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from forge.stage import Stage, Workshop
from forge.toolchain import describe_toolchain
from ground.files import digest_file, digest_tree
from ground.paths import PROJECT

GUEST = PROJECT / "images" / "guest"
COMPILER = "gcc -m32"
HOST = ("--host=i686-linux-gnu", "--build=x86_64-linux-gnu")
# Answers to configure's questions that it cannot try out for another machine.
ANSWERS = (
    "ac_cv_func_malloc_0_nonnull=yes",
    "ac_cv_func_realloc_0_nonnull=yes",
    "ac_cv_lib_ssl_SSL_version=no",
    "ac_cv_header_openssl_ssl_h=no",
)
# httperf keeps its descriptors in fd_sets; glibc's hold 1024 unless their constant is changed
# before the type is made, and the fortified macros insist on 1024, so they are off.
# The kernel's header sets it too, so that one goes first.
FD_SET = """\
#include <bits/types.h>
#include <linux/posix_types.h>
#undef __FD_SETSIZE
#define __FD_SETSIZE 65536
"""


@dataclass(frozen=True)
class ProgramsRecipe:
    """All guest programs; the two tarballs are upstream's."""

    httperf: Path
    netperf: Path

    def stage(self) -> Stage:
        """The stage that makes ``guest``, ``httperf``, ``netperf`` and ``netserver``."""
        return Stage(
            name="programs",
            title="Building the guests' programs",
            recipe=3,
            inputs={
                "guest": digest_tree(GUEST),
                "httperf": digest_file(self.httperf),
                "netperf": digest_file(self.netperf),
                "toolchain": describe_toolchain(),
            },
            build=self.build,
        )

    def build(self, workshop: Workshop) -> None:
        """Compile everything and strip it."""
        build_guest(workshop)
        build_httperf(workshop, self.httperf)
        build_netperf(workshop, self.netperf)
        for path in sorted(workshop.output.iterdir()):
            workshop.run(["strip", "--strip-all", path])


def build_guest(workshop: Workshop) -> None:
    """The one binary of all our guest programs."""
    sources = sorted(path.name for path in GUEST.glob("*.c"))
    flags = ("-m32", "-static", "-O2", "-Wall", "-Wextra", "-Werror")
    workshop.run(["gcc", *flags, "-o", workshop.output / "guest", *sources], cwd=GUEST)


def build_httperf(workshop: Workshop, tarball: Path) -> None:
    """httperf without TLS (nothing here speaks it), with a large fd_set, and asleep while it has
    nothing to do."""
    source = unpack(workshop, tarball)
    patch = ("patch", "-p1", "-F0", "--no-backup-if-mismatch", "-i")
    workshop.run([*patch, GUEST / "httperf.patch"], cwd=source)
    (source / "fd-set.h").write_text(FD_SET)
    flags = f"-O2 -w -fcommon -D_GNU_SOURCE -U_FORTIFY_SOURCE -include {source / 'fd-set.h'}"
    workshop.run(
        ["sh", "./configure", "-q", *HOST, f"CC={COMPILER}", f"CFLAGS={flags}", *ANSWERS],
        cwd=source,
    )
    workshop.run(["make", "-s"], cwd=source)
    shutil.copy(source / "src/httperf", workshop.output / "httperf")


def build_netperf(workshop: Workshop, tarball: Path) -> None:
    """netperf and netserver."""
    source = unpack(workshop, tarball)
    workshop.run(["autoreconf", "-fi", "-I", "src/missing/m4"], cwd=source)
    workshop.run(
        ["sh", "./configure", "-q", *HOST, f"CC={COMPILER}", "CFLAGS=-O2 -w -fcommon"], cwd=source
    )
    workshop.run(["make", "-s", "-C", "src", "netperf", "netserver"], cwd=source)
    for name in ("netperf", "netserver"):
        shutil.copy(source / "src" / name, workshop.output / name)


def unpack(workshop: Workshop, tarball: Path) -> Path:
    """The source tree in ``tarball``."""
    source = workshop.scratch / tarball.name.split("_", 1)[0]
    source.mkdir()
    workshop.run(["tar", "-xf", tarball, "--strip-components=1", "-C", source])
    return source
