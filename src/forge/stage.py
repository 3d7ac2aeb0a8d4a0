# SPDX-License-Identifier: MIT
"""Stages: work that is done once for given inputs, kept by the digest of those inputs.

A stage is built in a scratch directory and renamed into the cache when it is whole, so a killed
build leaves nothing that looks finished.  A lock held by the kernel (and so gone with its
holder) keeps two builders from doing the same work at the same time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from ground.errors import ArtifactError
from ground.files import canonical_json, digest_bytes, digest_tree, write_atomically
from ground.process import Argv, run
from ground.terminal import complete_step, console

# All files that a build makes carry this time: the first second of the paper's year.
SOURCE_DATE_EPOCH = 1_136_073_600
BUILD_ENVIRONMENT = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}


@dataclass(frozen=True)
class Workshop:
    """Where one stage is built: products go to ``output``, everything else to ``scratch``."""

    output: Path
    scratch: Path
    log: Path
    jobs: int

    def run(self, argv: Argv, *, cwd: Path | None = None, env: Mapping[str, str] = {}) -> None:
        """Run one build command; its output goes to the stage's log."""
        run(argv, cwd=cwd or self.scratch, env={**BUILD_ENVIRONMENT, **env}, log=self.log)


@dataclass(frozen=True)
class Stage:
    """One unit of building.  ``inputs`` holds a digest or a value for all that it depends on,
    ``recipe`` is raised by hand when the steps in ``build`` change what they make."""

    name: str
    title: str
    recipe: int
    inputs: Mapping[str, str]
    build: Callable[[Workshop], None]

    @property
    def key(self) -> str:
        """The digest under which the products are kept."""
        inputs: dict[str, JsonValue] = dict(self.inputs)
        identity: JsonValue = {"name": self.name, "recipe": self.recipe, "inputs": inputs}
        return digest_bytes(canonical_json(identity))[:32]


class Record(BaseModel):
    """What is kept beside the products of a stage."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str
    digest: str
    seconds: float
    inputs: dict[str, str]


@dataclass(frozen=True)
class Built:
    """The products of a stage: a read-only directory, the digest of its content."""

    directory: Path
    digest: str
    seconds: float
    fresh: bool

    def __truediv__(self, name: str) -> Path:
        return self.directory / name


class StageStore:
    """The stages below ``cache``."""

    def __init__(self, cache: Path, *, jobs: int):
        self.cache = cache
        self.jobs = jobs

    def obtain(self, stage: Stage) -> Built:
        """The products of ``stage``, built now if nobody built them before."""
        if found := self._find(stage):
            return found
        with self._hold_lock(stage):
            if found := self._find(stage):  # another builder made it while we waited
                return found
            with complete_step(self._announce(stage)):
                return self._build(stage)

    def estimate(self, name: str) -> float | None:
        """Seconds that stage ``name`` took when it was last built here, if it ever was."""
        records = sorted(
            (self.cache / "stages" / name).glob("*.json"), key=lambda path: path.stat().st_mtime
        )
        return read_record(records[-1]).seconds if records else None

    def _announce(self, stage: Stage) -> str:
        seconds = self.estimate(stage.name)
        return stage.title + (f" [dim](about {seconds:.0f} s)[/]" if seconds else "")

    def _find(self, stage: Stage) -> Built | None:
        directory = self._directory(stage)
        record = directory.with_suffix(".json")
        if not (directory.is_dir() and record.is_file()):
            return None
        known = read_record(record)
        return Built(directory, known.digest, known.seconds, fresh=False)

    def _build(self, stage: Stage) -> Built:
        directory = self._directory(stage)
        scratch = self.cache / "scratch" / f"{stage.name}-{stage.key}"
        log = self.cache / "logs" / f"{stage.name}-{stage.key}.log"
        for path in (scratch, directory):  # left by a builder that was killed
            discard(path)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        (scratch / "output").mkdir(parents=True)
        (scratch / "work").mkdir()
        start = time.monotonic()
        try:
            stage.build(Workshop(scratch / "output", scratch / "work", log, self.jobs))
            return self._keep(stage, scratch / "output", time.monotonic() - start)
        except OSError as error:
            raise ArtifactError(
                f"{stage.title}: {error}", hint=f"free space below {self.cache}? log: {log}"
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # the log tells what went wrong

    def _keep(self, stage: Stage, output: Path, seconds: float) -> Built:
        """Move finished products into the cache; from the record on they count as built."""
        directory = self._directory(stage)
        record = Record(
            name=stage.name,
            key=stage.key,
            digest=digest_tree(output),
            seconds=round(seconds, 1),
            inputs=dict(stage.inputs),
        )
        directory.parent.mkdir(parents=True, exist_ok=True)
        output.rename(directory)
        write_atomically(directory.with_suffix(".json"), record.model_dump_json(indent=1).encode())
        return Built(directory, record.digest, seconds, fresh=True)

    def _directory(self, stage: Stage) -> Path:
        return self.cache / "stages" / stage.name / stage.key

    @contextmanager
    def _hold_lock(self, stage: Stage) -> Iterator[None]:
        path = self.cache / "locks" / f"{stage.name}-{stage.key}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                console.print(f"[dim]{stage.title}: waiting for another build of the same[/]")
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def discard(path: Path) -> None:
    """Remove a directory into which orphans of a killed builder may still write."""
    for old in path.parent.glob(f".{path.name}.*"):
        shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def read_record(path: Path) -> Record:
    """The record of a finished stage."""
    return Record.model_validate(json.loads(path.read_text()))
