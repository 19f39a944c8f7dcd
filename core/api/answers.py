"""What programs receive about an image: the original study's keys, and their provenance."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from core.services.triage.single_films import Prediction
from core.settings import NOTICE

NOTE = (
    "Apoyo al cribado: no es un diagnóstico, y un resultado negativo no descarta enfermedad. "
    "(Supports screening; it is no diagnosis, and a negative result does not exclude disease.)"
)
NEGATIVE_LABEL, POSITIVE_LABEL = "Normal", "Neumonía"


class OriginalKeys(BaseModel):
    """The keys of the original study's answer."""

    prediction: Literal[0, 1] = Field(description="1 if the probability reaches the threshold.")
    probability_pneumonia: float = Field(ge=0, le=1, description="Calibrated, four decimals.")
    label: Literal["Neumonía", "Normal"]
    note: str = NOTE


class OperatingPointAnswer(BaseModel):
    """Where a score becomes a result, and on what that was chosen."""

    name: str
    threshold: float
    uncertain_low: float = Field(description="Below it: no AI flag (`normal`).")
    uncertain_high: float = Field(
        description="Above it: AI flagged (`pneumonia`); between them indeterminate (`uncertain`)."
    )
    rule: str
    chosen_on: str


class GateAnswer(BaseModel):
    """How far an image lies from those the model was trained on; without a gate both are null."""

    distance: float | None
    limit: float | None
    passed: bool


class ModelAnswer(BaseModel):
    """The checkpoint that read an image, and what it was made from."""

    name: str
    architecture: str
    checkpoint_hash: str
    run_id: str | None
    cohort_fingerprint: str | None
    engine: str


class StoredReason(BaseModel):
    """One reason: a code that stays, and its values."""

    code: str
    values: dict[str, str | int | float | None]


class FilmAnswer(BaseModel):
    """An image's reading with its lineage."""

    probability_pneumonia: float = Field(ge=0, le=1, description="Calibrated, four decimals.")
    threshold: float
    band: Literal["pneumonia", "uncertain", "normal"] = Field(description="`uncertain` needs a human's decision.")
    reason_code: str = Field(description="The band, or why a human must decide whatever the probability.")
    explanation: str
    model: ModelAnswer
    operating_point: OperatingPointAnswer
    gate: GateAnswer
    lineage_id: str = Field(description="Finds this answer again, with all it rests on, at /v1/predictions/ID.")
    file_hash: str = Field(description="SHA-256 of the file.")
    created_at: datetime
    notice: str = NOTICE


class OriginalAnswer(FilmAnswer, OriginalKeys):
    """The original study's answer, with more beside it."""


def film_answer(prediction: Prediction) -> dict[str, Any]:
    """Return the fields of `FilmAnswer` for an image that was read."""
    card, gate = prediction.card, prediction.card.gate
    point = prediction.operating_point
    return {
        "probability_pneumonia": round(prediction.probability or 0.0, 4),
        "threshold": point.threshold,
        "band": prediction.finding,
        "reason_code": prediction.reason_code,
        "explanation": prediction.reason,
        "model": {
            "name": card.name,
            "architecture": card.architecture.value,
            "checkpoint_hash": card.weights_hash,
            "run_id": card.run_id,
            "cohort_fingerprint": card.cohort_fingerprint,
            "engine": prediction.engine,
        },
        "operating_point": point.model_dump(),
        "gate": {
            "distance": prediction.gate_distance,
            "limit": gate.threshold if gate else None,
            "passed": prediction.is_read,
        },
        "lineage_id": prediction.id,
        "file_hash": prediction.file_hash,
        "created_at": prediction.created_at,
    }


def original_answer(prediction: Prediction) -> OriginalAnswer:
    """Return the original study's answer for an image that was read."""
    is_positive = (prediction.probability or 0.0) >= prediction.operating_point.threshold
    label = POSITIVE_LABEL if is_positive else NEGATIVE_LABEL
    return OriginalAnswer(prediction=1 if is_positive else 0, label=label, **film_answer(prediction))
