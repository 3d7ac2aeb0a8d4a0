# SPDX-License-Identifier: MIT
"""./invoke gallery: all servers, one after the other, and the page."""

from __future__ import annotations

import time

from checks.gallery.analysis import analyse, propose
from checks.gallery.page import PAGE, render
from checks.gallery.servers import (
    ANNOTATIONS,
    RESULTS,
    Analysis,
    Found,
    Server,
    load_results,
    load_servers,
)
from checks.gallery.workshop import (
    Workshop,
    count_lines,
    find_tarball,
    list_compiled,
    open_sources,
    open_workshop,
    prepare,
)
from forge.sources import Sources
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import digest_bytes, digest_file, write_atomically
from ground.paths import PROJECT
from ground.terminal import complete_step, console


def run_gallery(*, only: str = "", fresh: bool = False, update_lock: bool = False) -> ExitCode:
    """Do what is not done yet; write results and page after each server."""
    servers = load_servers()
    if only and only not in servers:
        raise UsageError(f"no server is called {only!r}", hint=f"one of: {', '.join(servers)}")
    chosen = {name: server for name, server in servers.items() if only in ("", name)}
    sources = open_sources(update_lock=update_lock)
    failed = []
    for number, (name, server) in enumerate(chosen.items(), 1):
        with complete_step(f"{name} ({number} of {len(chosen)})"):
            try:
                _run_server(open_workshop(name, server), sources, fresh=fresh)
            except ArtifactError as error:
                console.print(f"  {name}: {error.message}", style="red", markup=False)
                console.print(f"    try: {error.hint}", markup=False)
                failed.append(name)
        write_atomically(PAGE, render(servers, load_results()).encode())
    if update_lock:
        sources.write_lock()
    console.print(f"page: {PAGE.relative_to(PROJECT)}")
    return ExitCode.DOES_NOT_HOLD if failed else ExitCode.HOLDS


def _run_server(workshop: Workshop, sources: Sources, *, fresh: bool) -> None:
    """One server, unless its result is of these sources, annotations and tools already."""
    file, tarball = find_tarball(sources, workshop.name)
    stamp, want = workshop.folder / "analysed", _describe_inputs(workshop.server, file.sha256)
    target = RESULTS / f"{workshop.name}.json"
    if not fresh and target.is_file() and stamp.is_file() and stamp.read_text() == want:
        console.print("  nothing has changed", markup=False)
        return
    prepare(workshop, tarball, file.sha256)
    compiled = list_compiled(workshop)
    found = Found(
        server=workshop.name,
        version=file.version,
        sha256=file.sha256,
        files=len(compiled),
        lines=count_lines(compiled),
        proposal=propose(workshop),
        analyses=tuple(_analyse(workshop, name) for name in workshop.server.annotations),
    )
    write_atomically(target, (found.model_dump_json(indent=1) + "\n").encode())
    write_atomically(stamp, want.encode())


def _analyse(workshop: Workshop, name: str) -> Analysis:
    console.print(f"  {time.strftime('%H:%M:%S')} memwalk {name}", markup=False)
    return analyse(workshop, name)


def _describe_inputs(server: Server, sha256: str) -> str:
    """All that a result depends on, as a digest."""
    parts = [sha256, server.model_dump_json(exclude={"style", "hard"})]
    parts += [(ANNOTATIONS / f"{name}.toml").read_text() for name in server.annotations]
    parts += [digest_file(path) for path in sorted((PROJECT / "src" / "stingy").rglob("*.py"))]
    return digest_bytes("\n".join(parts).encode())
