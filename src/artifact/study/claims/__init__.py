# SPDX-License-Identifier: MIT
"""The claims of the paper as data: what is measured, which band was fixed beforehand.

A kind of claim is one module; a new one is a module here and its name in `AnyClaim`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from artifact.study.claims.bend import BendClaim
from artifact.study.claims.equivalence import EquivalenceClaim
from artifact.study.claims.maximum import MaximumClaim
from artifact.study.claims.no_worse import NoWorseClaim
from artifact.study.claims.onset import OnsetClaim
from artifact.study.claims.peak import PeakClaim
from artifact.study.claims.ratio import RatioClaim
from artifact.study.claims.shift import ShiftClaim
from artifact.study.claims.trend import TrendClaim
from artifact.study.claims.value import ValueClaim
from artifact.study.designs import FOLDER
from ground.documents import Strict, load_document
from ground.errors import UsageError

PATH = FOLDER / "claims.toml"

AnyClaim = Annotated[
    RatioClaim
    | ValueClaim
    | TrendClaim
    | MaximumClaim
    | EquivalenceClaim
    | NoWorseClaim
    | PeakClaim
    | ShiftClaim
    | BendClaim
    | OnsetClaim,
    Field(discriminator="kind"),
]


class Claims(Strict):
    """The claims file."""

    claim: tuple[AnyClaim, ...]

    @model_validator(mode="after")
    def check_ids(self) -> Self:
        """Ids are distinct."""
        ids = [claim.id for claim in self.claim]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"the id {twice[0]} is used twice")
        return self


def load_claims(path: Path = PATH) -> tuple[AnyClaim, ...]:
    """The claims in the file ``path``.  Raises UsageError naming the claim and the remedy."""
    if not path.is_file():
        raise UsageError(f"no claims at {path}", hint="restore it from the repository")
    return load_document(Claims, path).claim
