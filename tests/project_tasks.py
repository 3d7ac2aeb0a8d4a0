# SPDX-License-Identifier: MIT
"""The tasks of tasks.py, as invoke loads them."""

from __future__ import annotations

import importlib.util

from invoke.collection import Collection

from ground.paths import PROJECT


def load_namespace() -> Collection:
    spec = importlib.util.spec_from_file_location("project_tasks", PROJECT / "tasks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert isinstance(module.namespace, Collection)
    return module.namespace
