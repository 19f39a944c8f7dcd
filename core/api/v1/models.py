"""The models that can analyse images, and how each was evaluated."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from core.api.access import Reader, Trainer
from core.api.answers import OperatingPointAnswer
from core.api.problems import problem_responses
from core.api.v1.batches import MODEL_NAME
from core.api.v1.paging import Page, Paged
from core.evaluation.metrics import EvaluationReport
from core.evaluation.operating_point import OperatingPoint
from core.model.card import ModelCard
from core.services.desk import open_desk
from core.services.evaluation.test_set_access import evaluations_page
from core.services.models.lookup import active_model, list_models
from core.services.registry.activation import activate
from core.services.registry.promotion import PromoteRequest, promote
from core.services.registry.shown_figures import show_card
from core.settings import NOTICE

router = APIRouter(prefix="/v1", tags=["models"])
VERSIONED = r"^\w[\w.+-]{0,59}$"
SOURCE = r"^(starter|(run|ensemble|imported):\w[\w.+-]{0,59})$"
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
ACTIVATABLE = r"^(starter|\w[\w.+-]{0,59}@[1-9][0-9]{0,8})$"


def _asked(field: str) -> str:
    """Return what a field of a promotion means, as every door says it."""
    return PromoteRequest.model_fields[field].description or ""


class ModelSummaryAnswer(BaseModel):
    """One model as a list shows it."""

    name: str = Field(description="What other addresses take as `model`.")
    architecture: str
    is_active: bool = Field(description="Whether images are analysed with it where no model is named.")
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


class PromotionRequest(BaseModel):
    """Which model becomes the next version of a named one, for whom it is meant and where its limits are."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(pattern=SOURCE, description=_asked("source"))
    operating_point: Text = Field(default="", max_length=140, description=_asked("operating_point"))
    notes: Text = Field(default="", max_length=2000, description=_asked("notes"))
    intended_use: Text = Field(default="", max_length=2000, description=_asked("intended_use"))
    limits: list[Annotated[Text, Field(min_length=1, max_length=500)]] = Field(
        default=[], max_length=20, description=_asked("limits")
    )


class VersionAnswer(BaseModel):
    """A version that was promoted; it is not active until somebody activates it."""

    model: str
    checkpoint_hash: str
    card_hash: str
    operating_point: OperatingPointAnswer
    source: str
    notes: str
    promoted_by: str
    created_at: datetime
    notice: str = NOTICE


class EvaluationAnswer(BaseModel):
    """One access to a labelled split with one checkpoint, and the figures it gave."""

    id: int
    checkpoint_hash: str
    cohort_fingerprint: str
    split: str
    occasion: str
    report: EvaluationReport | dict[str, Any] = Field(
        description="The figures; free in form where an older version stored others."
    )
    num_training_images: int | None = Field(
        description="How many of the images of the report the model was trained on, or show a patient of such; null "
        "where that is not known. Above 0 the figures are too good."
    )
    created_at: datetime
    notice: str = NOTICE


def _point(point: OperatingPoint | None) -> OperatingPointAnswer | None:
    return OperatingPointAnswer.model_validate(point.model_dump()) if point else None


@router.get("/models", responses=problem_responses(422))
def show_all(_caller: Reader, paging: Paged) -> Page[ModelSummaryAnswer]:
    """List the models that can analyse images: the bundled one first, then promoted versions, runs and ensembles."""

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
                operating_point=_point(model.operating_point),
            )
            for model in list_models(desk)[offset : offset + limit]
        ]

    return paging.page(fetch)


@router.get("/models/{name}", responses=problem_responses(404, 422))
def show(name: Annotated[str, Path(pattern=MODEL_NAME)], _caller: Reader) -> ModelCard:
    """Return a model's card: what it was made from, how it was evaluated, where its limits are."""
    return show_card(open_desk(), name)


@router.post("/models/{name}/versions", status_code=201, responses=problem_responses(404, 422))
def make_version(
    name: Annotated[str, Path(pattern=VERSIONED)], asked: PromotionRequest, caller: Trainer
) -> VersionAnswer:
    """Promote a run, an ensemble, an imported model or the bundled one to the next version of a named model."""
    request = PromoteRequest(name=name, **asked.model_dump())
    return VersionAnswer.model_validate(promote(open_desk(), request, caller.name).document())


@router.post("/models/{name}/activate", responses=problem_responses(404, 409, 422))
def make_active(name: Annotated[str, Path(pattern=ACTIVATABLE)], caller: Trainer) -> ActivationAnswer:
    """Make a promoted version, or the bundled model, the one used where no model is named."""
    done = activate(open_desk(), name, caller.name)
    return ActivationAnswer(model=done.model, kind=done.kind, actor=done.actor, created_at=done.created_at)


@router.get("/evaluations", responses=problem_responses(422))
def show_evaluations(_caller: Reader, paging: Paged) -> Page[EvaluationAnswer]:
    """List every access to a labelled split with its figures, newest first."""
    return paging.page(lambda limit, offset: evaluations_page(open_desk(), limit, offset))
