"""The original study's route: an image in the form field `file`, and its answer."""

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import JSONResponse

from core.api.access import Triager
from core.api.answers import NOTE, OriginalAnswer, original_answer
from core.api.film_desk import Films
from core.api.problems import problem, problem_responses
from core.radiograph.formats import FORMAT_NAMES
from core.services.triage.single_films import Prediction
from core.settings import NOTICE

router = APIRouter(tags=["films"])
Film = Annotated[UploadFile, File(description=f"One image ({FORMAT_NAMES}); of DICOM, a CR or DX image.")]


@router.post("/predict", response_model=OriginalAnswer, responses=problem_responses(422))
async def predict(file: Film, films: Films, caller: Triager, request: Request) -> OriginalAnswer | JSONResponse:
    """Read one image. What cannot be read, or is no image this model knows, is answered 422 with its reason."""
    prediction = await films.predict(file.file, caller)
    return original_answer(prediction) if prediction.is_read else refused(request, prediction)


def refused(request: Request, prediction: Prediction) -> JSONResponse:
    """Return the problem of an image that was not read."""
    return problem(
        request.scope,
        422,
        f"This image was not read: {prediction.reason}.",
        reason=prediction.reason_code,
        lineage_id=prediction.id,
        gate_distance=prediction.gate_distance,
        note=NOTE,
        notice=NOTICE,
    )
