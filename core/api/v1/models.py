"""The models that can read films, and how each was judged."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from core.api.access import Reader, Trainer
from core.api.answers import OperatingPointAnswer
from core.api.problems import problem_responses
from core.api.v1.batches import MODEL_NAME
from core.api.v1.paging import Page, Paged
from core.model.card import ModelCard
from core.services.desk import open_desk
from core.services.evaluation.test_set_access import evaluations_page
from core.services.models.lookup import active_model, list_models, model_card
from core.services.registry.activation import activate
from core.settings import NOTICE

router = APIRouter(prefix="/v1", tags=["models"])
ACTIVATABLE = r"^(starter|\w[\w.+-]{0,59}@[1-9][0-9]{0,8})$"


class ModelSummaryAnswer(BaseModel):
    """One model as a list shows it."""

    name: str = Field(description="What other addresses take as `model`.")
    architecture: str
    is_active: bool = Field(description="Whether films are read with it where no model is named.")
    checkpoint_hash: str
    run_id: str | None
    operating_point: OperatingPointAnswer | None


class ActivationAnswer(BaseModel):
    """The model that is active now."""

    model: str
    kind: str
    actor: str
    created_at: datetime
    notice: str = NOTICE


class EvaluationAnswer(BaseModel):
    """One opening of a labelled split with one checkpoint, and the figures it gave."""

    id: int
    checkpoint_hash: str
    cohort_fingerprint: str
    split: str
    occasion: str
    report: dict[str, Any]
    created_at: datetime
    notice: str = NOTICE


@router.get("/models", responses=problem_responses(422))
def show_all(_caller: Reader, paging: Paged) -> Page[ModelSummaryAnswer]:
    """List the models that can read films: the one in the box first, then promoted versions, runs and ensembles."""

    def fetch(limit: int, offset: int) -> list[ModelSummaryAnswer]:
        """Return the answers of one page."""
        desk = open_desk()
        active = active_model(desk)
        return [
            ModelSummaryAnswer(
                name=model.name,
                is_active=model.name == active,
                architecture=model.architecture,
                checkpoint_hash=model.checkpoint_hash,
                run_id=model.run_id,
                operating_point=model.operating_point.model_dump() if model.operating_point else None,
            )
            for model in list_models(desk)[offset : offset + limit]
        ]

    return paging.page(fetch)


@router.get("/models/{name}", responses=problem_responses(404, 422))
def show(name: Annotated[str, Path(pattern=MODEL_NAME)], _caller: Reader) -> ModelCard:
    """Return a model's card: what it was made from, how it was judged, where its limits are."""
    return model_card(open_desk(), name)


@router.post("/models/{name}/activate", responses=problem_responses(404, 409, 422))
def make_active(name: Annotated[str, Path(pattern=ACTIVATABLE)], caller: Trainer) -> ActivationAnswer:
    """Make a promoted version, or the model in the box, the one that reads where no model is named."""
    done = activate(open_desk(), name, caller.name)
    return ActivationAnswer(model=done.model, kind=done.kind, actor=done.actor, created_at=done.created_at)


@router.get("/evaluations", responses=problem_responses(422))
def show_evaluations(_caller: Reader, paging: Paged) -> Page[EvaluationAnswer]:
    """List every opening of a labelled split with its figures, newest first."""
    return paging.page(lambda limit, offset: evaluations_page(open_desk(), limit, offset))
