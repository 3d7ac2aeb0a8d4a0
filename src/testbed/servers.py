# SPDX-License-Identifier: MIT
"""The servers that can be measured: one description each in images/servers."""

from __future__ import annotations

import tomllib

from pydantic import BaseModel, ConfigDict, ValidationError

from ground.places import PROJECT
from ground.voice import UsageError

FOLDER = PROJECT / "images" / "servers"


class ServerDescription(BaseModel):
    """How a server is run: shell lines, executed on the server machine.

    ``prepare`` runs first; ``start`` must return once the server runs in the background;
    ``ready`` is a command that succeeds as soon as the server answers on ``port``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    start: str
    ready: str
    port: int = 80
    prepare: tuple[str, ...] = ()


def find_servers() -> list[str]:
    """Names of the servers that the images hold."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_server(name: str) -> ServerDescription:
    """The description of the server ``name``; UsageError if there is none or it is wrong."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise UsageError(
            f"no server {name!r}", hint=f"choose one of {', '.join(find_servers()) or 'none yet'}"
        )
    try:
        return ServerDescription.model_validate({"name": name} | tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"{path}: {error}", hint="correct the description") from None
