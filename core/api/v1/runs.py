"""Training runs."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

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
    validation_auc: float | None = Field(description="Of the finished model, in the number format of its card.")
    validation_accuracy: float | None = Field(
        description="Older name of `validation_accuracy_at_threshold`; that of `epochs` is the accuracy at 0.5."
    )
    validation_accuracy_at_threshold: float | None = Field(description="Of the finished model at its threshold.")
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
    epochs: list[dict[str, float | None]] = Field(
        description="By epoch, as computed in training; `validation_accuracy_at_0.5` is before any threshold is chosen."
    )


@router.get("", responses=problem_responses(422))
def show_all(_caller: Reader, paging: Paged) -> Page[RunAnswer]:
    """List training runs, newest first."""
    return paging.page(lambda limit, offset: list_runs(open_desk(), limit, offset))


@router.get("/{run_id}", responses=problem_responses(404, 422))
def show(run_id: RunId, _caller: Reader) -> RunDetailAnswer:
    """Return one run."""
    run = show_run(open_desk(), run_id)
    epochs = [
        {**line, "validation_accuracy_at_0.5": line["validation_accuracy"]} if "validation_accuracy" in line else line
        for line in run["epochs"]
    ]
    return RunDetailAnswer.model_validate({**run, "epochs": epochs})
