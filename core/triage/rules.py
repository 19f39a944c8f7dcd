"""The rules that put studies into bands and order: visible, editable, and never less careful than the model.

Shapes: N studies.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.language import mark, tr


class HumanBand(StrEnum):
    """Bands for what needs a human; routine is not among them."""

    URGENT = "urgent"
    REVIEW = "review"


class WorklistRules(BaseModel):
    """How studies are put into bands, and how long they may wait; rules can only raise a study, never lower it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urgent_from: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description=mark(
            "AI score (0 to 1) from which a study is read first even within the indeterminate range; empty: only "
            "above that range."
        ),
    )
    routine_below: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description=mark(
            "AI score (0 to 1) below which a study may be read in turn; empty: all below the indeterminate range."
        ),
    )
    uncertain_band: HumanBand = Field(
        default=HumanBand.REVIEW, description=mark("When indeterminate studies are read.")
    )
    near_gate_share: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description=mark(
            "An image whose distance from the training images is over this share of the gate's limit is never read "
            "only in turn."
        ),
    )
    rejected_band: HumanBand = Field(default=HumanBand.REVIEW, description=mark("When unsuitable images are read."))
    unreadable_band: HumanBand = Field(
        default=HumanBand.REVIEW, description=mark("When files with errors are looked at.")
    )
    waiting_cap_hours: float = Field(
        default=24,
        gt=0,
        le=24 * 365,
        description=mark(
            "Hours without a finding after which a study is escalated to be read first; after twice as long it comes "
            "before all others."
        ),
    )
    prevalence: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description=mark(
            "Share (0 to 1) of the images sent to this desk that show pneumonia; predictive values rest on it."
        ),
    )
    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description=mark("Days after which a finished batch is deleted with its images; empty: never."),
    )

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """Refuse a study that would be read first and in turn at once."""
        if self.urgent_from is not None and self.routine_below is not None and self.routine_below > self.urgent_from:
            raise ValueError(
                tr("studies cannot be read first from an AI score at which they may still be read in turn")
            )
        return self


@dataclass(frozen=True)
class Placement:
    """Bands and order of N studies."""

    bands_N: np.ndarray
    groups_N: np.ndarray
    is_lifted_N: np.ndarray
    order_N: np.ndarray


def place_studies(studies: pd.DataFrame, rules: WorklistRules) -> Placement:
    """Return band and place of each study, in reading order.

    `studies` has the columns status (read, rejected or failed), finding, probability (NaN if not read),
    gate_distance and gate_limit (NaN if there is none), waited_hours, is_judged, and file. Within urgent, review
    and routine the higher probability comes first; what has no probability leads its band, since only a human can
    place it. An unjudged study over the waiting cap joins the urgent ones, and at twice the cap comes before all
    (a bound on the longest wait, see Baltruschat et al. 2020).
    """
    probability_N = studies["probability"].to_numpy(dtype=float)
    bands_N = _bands(studies, probability_N, rules)
    waited_N = studies["waited_hours"].to_numpy(dtype=float)
    is_waiting_N = ~studies["is_judged"].to_numpy(dtype=bool)
    is_over_N = is_waiting_N & (waited_N > rules.waiting_cap_hours)
    is_lifted_N = is_over_N & (bands_N != "urgent")
    groups_N = np.select([bands_N == "urgent", is_lifted_N, bands_N == "review"], [1, 2, 3], 4)
    groups_N[is_waiting_N & (waited_N > 2 * rules.waiting_cap_hours)] = 0
    by_waiting_N = (groups_N == 0) | (groups_N == 2)
    within_N = np.where(by_waiting_N, -waited_N, -np.where(np.isnan(probability_N), np.inf, probability_N))
    order_N = np.lexsort((pd.factorize(studies["file"], sort=True)[0], within_N, groups_N))
    return Placement(np.where(is_lifted_N, "urgent", bands_N), groups_N, is_lifted_N, order_N)


def _bands(studies: pd.DataFrame, probability_N: np.ndarray, rules: WorklistRules) -> np.ndarray:
    status_N = studies["status"].to_numpy(dtype=str)
    finding_N = studies["finding"].to_numpy(dtype=object)
    is_urgent_N = finding_N == "pneumonia"
    if rules.urgent_from is not None:
        is_urgent_N = is_urgent_N | (probability_N >= rules.urgent_from)
    is_routine_N = finding_N == "normal"
    if rules.routine_below is not None:
        is_routine_N = is_routine_N & (probability_N < rules.routine_below)
    limit_N = studies["gate_limit"].to_numpy(dtype=float) * rules.near_gate_share
    is_near_gate_N = studies["gate_distance"].to_numpy(dtype=float) > limit_N
    return np.select(
        [
            status_N == "failed",
            status_N == "rejected",
            is_urgent_N,
            finding_N == "uncertain",
            is_routine_N & ~is_near_gate_N,
        ],
        [rules.unreadable_band.value, rules.rejected_band.value, "urgent", rules.uncertain_band.value, "routine"],
        "review",
    )
