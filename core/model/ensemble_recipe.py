"""What an ensemble is made of, as one frozen document: `ensemble.json` in its folder.

Shapes: K members, N images.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.evaluation.calibration import PlattScaling
from core.evaluation.ensembling import Voting, hard_vote, soft_vote
from core.language import mark, tr
from core.model.catalogue import Architecture

ENSEMBLE_FORMAT = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EnsembleMember(_Frozen):
    """One member: which weights, and how its logit becomes a voice."""

    name: str = Field(description=mark("What the member was called by itself."))
    folder: str = Field(pattern=r"^[\w-]+(/[\w-]+)*$", description=mark("Its checkpoint, below the ensemble's folder."))
    run_id: str | None = Field(default=None, description=mark("The run that made it."))
    checkpoint_hash: str = Field(description=mark("SHA-256 of its weights as they lie in the ensemble."))
    source_hash: str = Field(description=mark("SHA-256 of the weights they were taken from; the same unless halved."))
    architecture: Architecture
    image_size: int = Field(ge=32, le=1024, description=mark("Side of its square input, in pixels."))
    calibration: PlattScaling = Field(description=mark("From its logit to its probability."))
    threshold: float = Field(ge=0, le=1, description=mark("From this probability on it votes for pneumonia."))
    weight: float = Field(ge=0, le=1, description=mark("Its part in the mean probability."))


class EnsembleRecipe(_Frozen):
    """The members and how they become one; the SHA-256 of this document names the ensemble."""

    format: int = Field(default=ENSEMBLE_FORMAT, description=mark("Version of this document's layout."))
    voting: Voting
    members: tuple[EnsembleMember, ...] = Field(min_length=2, max_length=8)
    gate_member: int = Field(default=0, ge=0, description=mark("Place of the member whose gate checks images."))

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.gate_member >= len(self.members):
            raise ValueError(tr("the gate belongs to a member that is not there"))
        if abs(sum(member.weight for member in self.members) - 1) > 1e-6:
            raise ValueError(tr("the members' weights must sum to 1"))
        return self

    @property
    def weights_of_members(self) -> np.ndarray:
        """The part of each member in the mean [K]."""
        return np.array([member.weight for member in self.members])

    def combine(self, logits_KN: Sequence[np.ndarray]) -> np.ndarray:
        """Return the ensemble's logits [N], not yet calibrated, from its members' own."""
        members = zip(self.members, logits_KN, strict=True)
        probabilities_KN = np.stack([member.calibration.apply(logits_N) for member, logits_N in members])
        if self.voting is Voting.HARD:
            return hard_vote(probabilities_KN, [member.threshold for member in self.members])
        return soft_vote(probabilities_KN, self.weights_of_members)
