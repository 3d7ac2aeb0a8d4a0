# SPDX-License-Identifier: MIT
"""Platform files: every number with its source, checked as geometry files are."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ground.paths import PROJECT
from testbed.hardware.platform import Platform
from testbed.hardware.sourced_numbers import Sourced, find_names, load_sourced

FOLDER = PROJECT / "experiments" / "platform"
DEFAULT_PLATFORM = "lcn2006"


class PlatformFile(BaseModel):
    """A platform file: the value object that enters an experiment, and its sources."""

    model_config = ConfigDict(frozen=True)

    path: Path
    title: str
    platform: Platform
    sources: tuple[Sourced, ...]


def find_platforms() -> list[str]:
    """Names of the platforms that come with the project."""
    return find_names(FOLDER)


def load_platform(name: str) -> PlatformFile:
    """The platform ``name`` of this project, or the file at the path ``name``; errors as
    `load_sourced`."""
    document = load_sourced("platform", name, FOLDER)
    return PlatformFile(
        path=document.path,
        title=document.title,
        platform=document.validate_as(Platform, document.values),
        sources=document.sources,
    )
