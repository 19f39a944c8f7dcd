"""Single images: read one, and find again what one was found to be."""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from core.api.access import Reader, Triager
from core.api.answers import FilmAnswer, StoredReason, film_answer
from core.api.film_desk import Films
from core.api.predict import Film, refused
from core.api.problems import problem_responses
from core.services.desk import open_desk
from core.services.triage.single_films import get_prediction, prediction_heatmap
from core.settings import NOTICE

router = APIRouter(prefix="/v1/predictions", tags=["films"])
PredictionId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The `lineage_id` of an answer.")]

Outcome = Literal["read", "rejected", "failed"]


class PredictionRecord(BaseModel):
    """What is kept of an image that was sent by itself; `answer` is null if it was not read."""

    lineage_id: str
    status: Outcome
    reason_code: str
    reason: str
    reasons: list[StoredReason]
    file_hash: str | None
    sender: str | None
    answer: FilmAnswer | None
    notice: str = NOTICE


@router.post("", response_model=FilmAnswer, responses=problem_responses(422))
async def read_film(file: Film, films: Films, caller: Triager, request: Request) -> FilmAnswer | JSONResponse:
    """Read one image. What cannot be read, or is no image this model knows, is answered 422 with its reason."""
    prediction = await films.predict(file.file, caller)
    return FilmAnswer(**film_answer(prediction)) if prediction.is_read else refused(request, prediction)


@router.get("/{lineage_id}", responses=problem_responses(404, 422))
def show(lineage_id: PredictionId, _caller: Reader) -> PredictionRecord:
    """Return what an image was found to be, and all that this rests on."""
    prediction = get_prediction(open_desk(), lineage_id)
    return PredictionRecord(
        lineage_id=prediction.id,
        status=cast("Outcome", prediction.status),
        reason_code=prediction.reason_code,
        reason=prediction.reason,
        reasons=[StoredReason.model_validate(reason) for reason in prediction.reasons or []],
        file_hash=prediction.file_hash,
        sender=prediction.sender,
        answer=FilmAnswer(**film_answer(prediction)) if prediction.is_read else None,
    )


@router.get(
    "/{lineage_id}/saliency",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **problem_responses(404, 422)},
)
def saliency(lineage_id: PredictionId, _caller: Reader) -> Response:
    """Return the AI heatmap: a square, partly clear PNG to be stretched over the image."""
    return Response(prediction_heatmap(open_desk(), lineage_id), media_type="image/png")
