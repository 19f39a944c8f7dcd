"""Training runs."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel

from core.api.access import Reader
from core.api.problems import problem_responses
from core.api.v1.paging import Page, Paged
from core.services.desk import open_desk
from core.services.runs.listing import list_runs, show_run

router = APIRouter(prefix="/v1/runs", tags=["runs"])
RunId = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="The id of a run.")]


class RunAnswer(BaseModel):
    """One run as a list shows it."""

    id: str
    name: str
    state: str
    architecture: str | None
    validation_auc: float | None
    validation_accuracy: float | None
    cohort_fingerprint: str | None
    checkpoint_hash: str | None
    created_at: datetime
    finished_at: datetime | None
    error: str | None


class RunDetailAnswer(RunAnswer):
    """One run with its config, lineage and every epoch."""

    config: dict[str, Any]
    split_name: str | None
    split_fingerprint: str | None
    environment: dict[str, Any] | None
    summary: dict[str, Any] | None
    epochs: list[dict[str, float | None]]


@router.get("", responses=problem_responses(422))
def show_all(_caller: Reader, paging: Paged) -> Page[RunAnswer]:
    """List training runs, newest first."""
    return paging.page(lambda limit, offset: list_runs(open_desk(), limit, offset))


@router.get("/{run_id}", responses=problem_responses(404, 422))
def show(run_id: RunId, _caller: Reader) -> RunDetailAnswer:
    """Return one run."""
    return RunDetailAnswer.model_validate(show_run(open_desk(), run_id))
