# SPDX-License-Identifier: MIT
"""The kinds of load, one module each; a new kind is a module here and its name in `Load`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, get_args

from pydantic import Field

from testbed.loads.ab import Ab
from testbed.loads.chase import Chase
from testbed.loads.httperf import Httperf
from testbed.loads.kind import LoadKind
from testbed.loads.netperf import Netperf
from testbed.loads.spike import Spike

Load = Annotated[Ab | Httperf | Spike | Netperf | Chase, Field(discriminator="kind")]


def _list_kinds() -> dict[str, type[LoadKind]]:
    models: tuple[type[LoadKind], ...] = get_args(get_args(Load)[0])
    return {str(model.model_fields["kind"].default): model for model in models}


KINDS: Final[Mapping[str, type[LoadKind]]] = _list_kinds()
