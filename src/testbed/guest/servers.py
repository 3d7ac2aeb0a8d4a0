# SPDX-License-Identifier: MIT
"""The servers that can be measured: one description each in images/servers."""

# DEVIATIONS.md: [servers], [one worker]

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ground.documents import Strict, check_document, read_toml
from ground.errors import UsageError
from ground.paths import PROJECT
from testbed.experiment import Experiment

REPORTED = ("title", "package", "model", "config")
FOLDER = PROJECT / "images" / "servers"


class ServerDescription(Strict):
    """How a server is run: shell lines, executed on the server machine.

    ``load`` runs first, then ``prepare``; ``start`` must return once the server runs in the
    background; ``ready`` is a command that succeeds as soon as the server answers on ``port``.
    ``ledger`` is a file in which the server tells where it counts its connections, in the form of
    the module `ledger`; ``holds_back`` says that it keeps connections as SYNs on purpose.
    Those in ``REPORTED`` are for reports alone.  ``extends`` names the server whose description
    this one changes.
    """

    name: str
    start: str
    ready: str
    port: int = 80
    load: str = ""
    prepare: tuple[str, ...] = ()
    extends: str = ""
    ledger: str = ""
    holds_back: bool = False
    title: str = ""
    package: str = ""
    model: str = ""
    config: str = ""

    @property
    def setup(self) -> tuple[str, ...]:
        """All lines that run before ``start``."""
        return (self.load, *self.prepare) if self.load else self.prepare


def find_servers(folder: Path = FOLDER) -> list[str]:
    """Names of the servers that the images hold."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def find_server(experiment: Experiment) -> ServerDescription:
    """What ``experiment`` runs on the server: what its load brings along, or the server itself.

    Raises UsageError as `load_server`.
    """
    partner = experiment.load.partner
    return _describe_partner(partner) if partner else load_server(experiment.server)


def _describe_partner(program: str) -> ServerDescription:
    """A load generator's own server, which goes to the background by itself."""
    return ServerDescription(
        name=program, start=f"{program} > /dev/null", ready=f"pidof {program} > /dev/null"
    )


def load_server(name: str, folder: Path = FOLDER) -> ServerDescription:
    """The description of the server ``name``; UsageError if there is none or it is wrong."""
    document = _read_description(name, folder)
    return check_document(ServerDescription, document, folder / f"{name}.toml")


def _read_description(name: str, folder: Path, above: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of the description ``name``, laid over those of the one that it extends.

    ``above`` are the descriptions through which one comes here.
    """
    path = folder / f"{name}.toml"
    asking = f"{folder / above[-1]}.toml: extends: " if above else ""
    if not path.is_file():
        known = ", ".join(find_servers(folder)) or "none yet"
        raise UsageError(f"{asking}no server {name!r}", hint=f"choose one of {known}")
    if name in above:
        raise UsageError(
            f"{asking}{' extends '.join((*above, name))}", hint="let one of them stand by itself"
        )
    given = read_toml(path)
    base = given.get("extends", "")
    below = (
        _read_description(base, folder, (*above, name)) if isinstance(base, str) and base else {}
    )
    return below | {"name": name} | given
