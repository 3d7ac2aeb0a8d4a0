# SPDX-License-Identifier: MIT
"""python-packer 0.1.2 does what forge.packing says it does, and forge.packing copes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sh
from packer import Packer

from forge.packing import build_template, validate_template
from ground.errors import ArtifactError

FILE_BUILDER = {"type": "file", "content": "{{user `text`}}", "target": "{{user `target`}}"}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template that writes a file: Packer's smallest real builder."""
    path = tmp_path / "template.json"
    variables = {"text": "", "target": ""}
    path.write_text(json.dumps({"variables": variables, "builders": [FILE_BUILDER]}))
    return path


def test_packer_builds_with_variables(template: Path, tmp_path: Path) -> None:
    variables = {"text": "hello", "target": str(tmp_path / "made")}
    build_template(template, variables, scratch=tmp_path, log=tmp_path / "log")
    assert (tmp_path / "made").read_text() == "hello"
    assert "Builds finished" in (tmp_path / "log").read_text()


def test_a_deep_folder_is_no_hindrance(template: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 20)
    deep.mkdir(parents=True)
    variables = {"text": "hello", "target": str(tmp_path / "made")}
    build_template(template, variables, scratch=deep, log=tmp_path / "log")
    assert (tmp_path / "made").read_text() == "hello"


def test_a_wrong_template_is_rejected_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"builders": [{"type": "no-such-builder"}]}))
    with pytest.raises(ArtifactError, match="no-such-builder"):
        validate_template(path, {})


def test_a_failed_build_names_the_log(template: Path, tmp_path: Path) -> None:
    variables = {"text": "hello", "target": "/proc/cannot/be/written"}
    with pytest.raises(ArtifactError) as caught:
        build_template(template, variables, scratch=tmp_path, log=tmp_path / "log")
    assert str(tmp_path / "log") in caught.value.hint


class TestContract:
    """The quirks that forge.packing works around; one that is gone shows here."""

    def test_parallel_is_rejected(self, template: Path) -> None:
        with pytest.raises(sh.ErrorReturnCode):
            Packer(str(template), vars={"text": "x", "target": "y"}).build()

    def test_validate_loses_the_reason(self, tmp_path: Path) -> None:
        path = tmp_path / "template.json"
        path.write_text("{")
        with pytest.raises(AttributeError):
            Packer(str(path)).validate()

    def test_inspect_parses_nothing(self, template: Path) -> None:
        with pytest.raises(TypeError):
            Packer(str(template)).inspect()
        assert Packer(str(template)).inspect(mrf=False)

    def test_a_missing_template_is_an_os_error(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="not found"):
            Packer(str(tmp_path / "none.json"))
