"""Training runs under control: queue, stop and resume them."""

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.access import Trainer
from core.api.problems import problem_responses
from core.api.v1.runs import RunDetailAnswer, RunId
from core.services.desk import open_desk
from core.services.runs import control as run_control
from core.services.runs.api_launch import enqueue_from_outside
from core.services.runs.listing import show_run
from core.services.runs.requests import TrainRequest
from core.training.config import TrainingConfig

router = APIRouter(prefix="/v1/runs", tags=["runs"])
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class LaunchRequest(BaseModel):
    """What is to be trained on what; one run is queued for each seed."""

    data: str = Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$", description="Full path of a dataset here.")
    name: str = Field(default="", max_length=100, pattern=r"^[^\x00]*$")
    split: str = Field(
        default="",
        max_length=60,
        pattern=r"^[^\x00]*$",
        description="A saved split of it; drawn by the config's shares if empty.",
    )
    config: TrainingConfig = TrainingConfig()
    seeds: list[Seed] = Field(default=[], max_length=20, description="The config's own if empty.")


class Launched(BaseModel):
    """The runs that were queued."""

    run_ids: list[str]


@router.post("", status_code=202, responses=problem_responses(404, 422))
def launch(asked: LaunchRequest, _caller: Trainer) -> Launched:
    """Queue runs on a dataset of this machine, which must lie below a folder that the desk may take images from."""
    request = TrainRequest(data=FilePath(asked.data), name=asked.name, split=asked.split, config=asked.config)
    return Launched(run_ids=enqueue_from_outside(open_desk(), request, asked.seeds))


@router.post("/{run_id}/stop", status_code=202, responses=problem_responses(404, 422))
def stop(run_id: RunId, _caller: Trainer) -> RunDetailAnswer:
    """Ask a run to stop after its step, with a checkpoint; does nothing to a run that has ended."""
    run_control.stop(open_desk(), run_id)
    return RunDetailAnswer.model_validate(show_run(open_desk(), run_id))


@router.post("/{run_id}/resume", status_code=202, responses=problem_responses(404, 409, 422))
def resume(run_id: RunId, _caller: Trainer) -> RunDetailAnswer:
    """Resume a stopped, failed or lost run from its last checkpoint; 409 for any other."""
    run_control.resume(open_desk(), run_id)
    return RunDetailAnswer.model_validate(show_run(open_desk(), run_id))
