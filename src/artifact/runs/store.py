# SPDX-License-Identifier: MIT
"""The run store: one directory per key, whole or absent, and able to tell when it was damaged.

An entry is written to a temporary name, synced and renamed.  Its index lists each file with its
SHA-256, so a flipped bit is found and the run redone.  Two workers may race for one key: the
first rename wins, the loser compares its result and a difference is an error, since the same
inputs must give the same bytes.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from artifact.runs.keys import find_key
from artifact.runs.runner import DiskFullError
from ground.documents import MisfitError, read_made
from ground.errors import ArtifactError, ExitCode
from ground.files import canonical_json, digest_bytes, digest_file, fsync_directory
from testbed.experiment import Experiment
from testbed.measurement import Measurement

INDEX: Final = "index.json"
ENTRY: Final = "entry.json"
COST: Final = "cost.json"  # host seconds: differ between hosts, so outside of the index
DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Outcome(StrEnum):
    """How a stored run ended.  A failure of the infrastructure is never stored."""

    MEASURED = "measured"
    INVALID = "invalid"
    SUBJECT_FAILED = "subject-failed"


class Entry(BaseModel):
    """A stored run: its inputs, how it ended and why, what it measured."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    inputs: dict[str, JsonValue]
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    measurement: Measurement | None = None

    @property
    def key(self) -> str:
        """The key that the inputs make."""
        return find_key(self.inputs)

    @property
    def digest(self) -> str:
        """SHA-256 of the result: equal for equal inputs on every host, or there is a bug.

        What the host may vary (its time limits) does not enter, and neither do the digests of
        the products: another build of the same machine shall give the same result.
        """
        document = self.model_dump(mode="json", exclude={"inputs"})
        if document["measurement"]:
            document["measurement"]["experiment"].pop("limits", None)
            document["measurement"].pop("products", None)
        return digest_bytes(canonical_json(document))


class Cost(BaseModel):
    """What a run cost on this host: seconds, processor seconds (of the worker and of all that it
    started) and bytes kept.

    Seconds hang on what else the host did, processor seconds hardly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: Annotated[float, Field(ge=0)]
    processor_s: Annotated[float, Field(ge=0)]
    bytes: Annotated[int, Field(ge=0)]


class DeterminismError(ArtifactError):
    """Two runs with the same key gave different bytes."""


class DamageError(ArtifactError):
    """An entry's bytes are not those that were written."""


@contextmanager
def name_full_disk(path: Path) -> Iterator[None]:
    """Turn the errors of a full disk (or quota, or file size limit) into DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DiskFullError(
            f"no space left at {path}: {error.strerror}",
            hint="free some space and give the same command again; finished runs are kept",
        ) from error


class Store:
    """The run store in the folder ``root``; made when the first entry is written."""

    def __init__(self, root: Path):
        self.root = root

    def find_directory(self, key: str) -> Path:
        """Where the entry ``key`` is, or would be."""
        return self.root / "runs" / key[:2] / key

    def find_keys(self) -> list[str]:
        """Keys of all entries, damaged ones included, sorted."""
        return sorted(path.name for path in (self.root / "runs").glob("??/*") if path.is_dir())

    def load(self, key: str) -> Entry | None:
        """The entry ``key`` after a check of every byte; None if there is none.

        Raises DamageError if it is there and not whole.
        """
        directory = self.find_directory(key)
        if not directory.is_dir():
            return None
        try:
            self._check(directory)
            entry = read_made(Entry, (directory / ENTRY).read_bytes())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamageError(
                f"{directory} is damaged: {str(error).splitlines()[0]}",
                hint="the sweep sets it aside and runs it again",
            ) from error
        if entry.key != key:
            raise DamageError(f"{directory} holds the run {entry.key}", hint="run the sweep again")
        return entry

    def _check(self, directory: Path) -> None:
        raw = (directory / INDEX).read_bytes()
        index = json.loads(raw)
        if canonical_json(index) != raw:
            raise ValueError(f"{INDEX} is not what was written")
        present = {str(path.relative_to(directory)) for path in _list_files(directory)}
        if missing := set(index) ^ present:
            raise ValueError(f"files are missing or too many: {', '.join(sorted(missing))}")
        for name, digest in index.items():
            if digest_file(directory / name) != digest:
                raise ValueError(f"{name} has changed since it was written")

    def find_or_discard(self, key: str) -> Entry | None:
        """The entry ``key``; a damaged one is set aside and counts as absent."""
        try:
            return self.load(key)
        except DamageError:
            self.set_aside(key)
            return None

    def set_aside(self, key: str) -> None:
        """Move the entry ``key`` out of the way, kept for inspection until `gc`."""
        folder = self.root / "damaged"
        folder.mkdir(parents=True, exist_ok=True)
        target = Path(tempfile.mkdtemp(dir=folder, prefix=f"{key}."))
        with suppress(FileNotFoundError):  # a racing worker was faster
            self.find_directory(key).rename(target / "entry")

    @contextmanager
    def open_workspace(self) -> Iterator[Path]:
        """A temporary directory on the store's file system, locked while its owner lives."""
        path, handle = self._make_locked_directory()
        try:
            with name_full_disk(path):
                yield path
        finally:
            os.close(handle)
            shutil.rmtree(path, ignore_errors=True)

    def _make_locked_directory(self) -> tuple[Path, int]:
        folder = self.root / "tmp"
        while True:
            with name_full_disk(folder):
                folder.mkdir(parents=True, exist_ok=True)
                path = Path(tempfile.mkdtemp(dir=folder))
            with suppress(FileNotFoundError):  # `gc` may take it before it is locked
                handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(handle, fcntl.LOCK_EX)
                if path.is_dir():
                    return path, handle
                os.close(handle)

    def commit(self, entry: Entry, files: Path, cost: Cost | None = None) -> None:
        """Store ``entry`` with the directory ``files`` (moved), durably and at once; ``cost`` is
        unknown if another host did the run.

        Raises DeterminismError if the key is there already with another result, DiskFullError if
        there is no space.
        """
        with name_full_disk(self.root):
            self._write_entry(entry, files, cost)
        target = self.find_directory(entry.key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            files.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            self._settle_race(entry, files)
        fsync_directory(target.parent)

    def _write_entry(self, entry: Entry, files: Path, cost: Cost | None) -> None:
        document = entry.model_dump_json(indent=1).encode() + b"\n"
        (files / ENTRY).write_bytes(document)
        index = {str(path.relative_to(files)): digest_file(path) for path in _list_files(files)}
        (files / INDEX).write_bytes(canonical_json({**index}))
        if cost is not None:
            (files / COST).write_text(cost.model_dump_json())
        for path in files.rglob("*"):
            if path.is_file():
                _fsync_file(path)
        fsync_directory(files)

    def _settle_race(self, entry: Entry, files: Path) -> None:
        other = self.find_or_discard(entry.key)
        if other is None:
            files.rename(self.find_directory(entry.key))
        elif other.digest != entry.digest:
            raise DeterminismError(
                f"run {entry.key} was done twice with different results",
                hint=f"compare {self.find_directory(entry.key) / ENTRY} with a third run; "
                "the testbed must be deterministic",
                code=ExitCode.DOES_NOT_HOLD,
            )

    def find_cost(self, key: str) -> Cost | None:
        """What the run ``key`` cost on the host that did it; None if not known."""
        try:
            return read_made(Cost, (self.find_directory(key) / COST).read_bytes())
        except (OSError, MisfitError):
            return None

    def peek_inputs(self, key: str) -> tuple[Experiment, Mapping[str, str]] | None:
        """Experiment and products of the entry ``key``, without a check of its digests."""
        try:
            inputs = json.loads((self.find_directory(key) / ENTRY).read_bytes())["inputs"]
            experiment = Experiment.model_validate_json(json.dumps(inputs["experiment"]))
            return experiment, dict(inputs["products"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def gc(self, keep: set[str] | None = None) -> int:
        """Remove what dead workers left, what was set aside and, with ``keep``, every entry
        that is not in it; return the number of directories removed."""
        removed = 0
        for path in (self.root / "tmp").glob("*"):
            removed += _remove_if_abandoned(path)
        for path in (self.root / "damaged").glob("*"):
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
        for key in self.find_keys() if keep is not None else []:
            if keep is not None and key not in keep:
                shutil.rmtree(self.find_directory(key))
                removed += 1
        return removed


def _list_files(directory: Path) -> list[Path]:
    """Files that the index covers."""
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and path.relative_to(directory).as_posix() not in {INDEX, COST}
    )


def _fsync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_if_abandoned(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return 0
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return 0
    finally:
        os.close(handle)
    return 1
