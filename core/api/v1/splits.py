"""Saved splits: what training may name."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.access import Reader
from core.api.problems import problem_responses
from core.api.v1.paging import Page, Paged
from core.services.datasets.splits import list_splits
from core.services.desk import open_desk

router = APIRouter(prefix="/v1/splits", tags=["runs"])


class SplitAnswer(BaseModel):
    """One split by patient that was saved and never changes."""

    name: str
    fingerprint: str
    cohort_fingerprint: str = Field(description="Of the images it was saved for; training on others is refused.")
    seed: int
    counts: dict[str, dict[str, int]] = Field(description="Images by fold and class.")
    reader: str | None
    created_at: datetime


@router.get("", responses=problem_responses(422))
def show_all(_caller: Reader, paging: Paged) -> Page[SplitAnswer]:
    """List saved splits, newest first."""

    def fetch(limit: int, offset: int) -> list[SplitAnswer]:
        """Return the answers of one page."""
        return [
            SplitAnswer(
                name=saved.name,
                fingerprint=saved.fingerprint,
                cohort_fingerprint=saved.cohort_fingerprint,
                seed=saved.config.seed,
                counts=saved.counts,
                reader=saved.reader,
                created_at=saved.created_at,
            )
            for saved in list_splits(open_desk())[offset : offset + limit]
        ]

    return paging.page(fetch)
