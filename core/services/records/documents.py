"""A run as a document that may be published: no images, no file names, no paths of the machine it was made on."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self, overload

import numpy as np
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.evaluation.calibration import PlattScaling
from core.evaluation.metrics import EvaluationReport
from core.language import mark, tr
from core.services.evaluation.predictions import LabelledFilms, PredictedFilms
from core.services.evaluation.test_set_access import RecordedOpening
from core.services.runs.readable import MOST_EPOCHS, problem_of

RECORD_FORMAT = 1
NOT_EXPORTED = "not-exported"
_PATH = re.compile(r"(?:[A-Za-z]:)?[/\\][^\s'\",;:]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
YEARS = range(1970, 9999)
"""Of moments in a record: the others cannot be turned into every time zone."""


def _within_years(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(tr("a moment in the year {year} is none of a run", year=moment.year))
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_within_years)]
Finished = Literal["completed", "stopped", "failed", "lost"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordedFilms(_Frozen):
    """Labelled images by their contents' hashes; patients by hashes that distinguish them and name none."""

    content_hashes: tuple[str, ...]
    labels: tuple[Literal[0, 1], ...]
    patients: tuple[str, ...]
    subtypes: tuple[str, ...]

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> Self:
        if len({len(self.content_hashes), len(self.labels), len(self.patients), len(self.subtypes)}) != 1:
            raise ValueError(tr("the columns of the images differ in length"))
        return self

    @classmethod
    def of(cls, films: LabelledFilms) -> Self:
        """Return these images without their names."""
        contents = [
            content if _SHA256.fullmatch(content) else _hash(content or file)
            for content, file in zip(films.content_hashes, films.files, strict=True)
        ]
        return cls(
            content_hashes=tuple(contents),
            labels=tuple(films.labels_N.tolist()),
            patients=tuple(_hash(patient)[:16] if patient else "" for patient in films.patients),
            subtypes=films.subtypes,
        )

    def films(self) -> LabelledFilms:
        """Return the images as the desk keeps them, called by their hashes."""
        return LabelledFilms(
            files=self.content_hashes,
            labels_N=np.array(self.labels, dtype=np.uint8),
            patients=self.patients,
            subtypes=self.subtypes,
            content_hashes=self.content_hashes,
        )


class RecordedPredictions(_Frozen):
    """What the run's model said of a set of images."""

    split: str = Field(max_length=64)
    films: Hash
    engine: str = Field(max_length=64)
    calibration: PlattScaling
    logits: tuple[FiniteFloat, ...]
    report: EvaluationReport

    @classmethod
    def of(cls, predicted: PredictedFilms, films: str) -> Self:
        """Return predictions of the images that are called `films`."""
        return cls(
            split=predicted.split,
            films=films,
            engine=predicted.engine,
            calibration=predicted.calibration,
            logits=tuple(predicted.logits_N.tolist()),
            report=predicted.report,
        )


class RunDocument(_Frozen):
    """Everything about one finished run but its weights; also reads the `run.json` of an exported model."""

    format: Literal[1] = RECORD_FORMAT
    id: str = Field(pattern=r"^[\w-]{1,32}$")
    name: str
    state: Finished
    config: dict[str, Any]
    cohort_fingerprint: str = Field(max_length=64)
    split_fingerprint: str = Field(max_length=64)
    split_name: str | None = Field(default=None, max_length=128)
    checkpoint_hash: str | None = Field(default=None, max_length=64)
    environment: dict[str, Any] = Field(default_factory=dict)
    summary: dict[str, Any] = Field(default_factory=dict)
    epochs: tuple[dict[Annotated[str, Field(max_length=64)], FiniteFloat | None], ...] = ()
    created_at: Moment
    started_at: Moment | None = None
    finished_at: Moment | None = None
    error: str | None = Field(default=None, description=mark("Why it ended before its end, in English."))
    reasons: tuple[dict[str, Any], ...] = Field(default=(), description=mark("The same as codes with values."))
    note: str = ""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    sweep: str | None = Field(default=None, description=mark("The name of the sweep it belonged to."))
    predictions: tuple[RecordedPredictions, ...] = ()
    openings: tuple[RecordedOpening, ...] = ()

    @model_validator(mode="after")
    def _epochs_are_numbered(self) -> Self:
        numbers = [epoch.get("epoch") or 0.0 for epoch in self.epochs]
        if not all(number.is_integer() and 1 <= number <= MOST_EPOCHS for number in numbers):
            raise ValueError(tr("each epoch needs its number, from 1 to {most:,}", most=MOST_EPOCHS))
        if len(set(numbers)) < len(numbers):
            raise ValueError(tr("two epochs have one number"))
        return self

    @field_validator("config", "environment", "summary")
    @classmethod
    def _can_be_shown(cls, part: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if problem := problem_of(info.field_name or "", part):
            raise ValueError(problem)
        return part


@overload
def without_paths(text: str) -> str: ...
@overload
def without_paths(text: None) -> None: ...
@overload
def without_paths(text: str | None) -> str | None: ...
def without_paths(text: str | None) -> str | None:
    """Return a text with every absolute path taken out."""
    return None if text is None else _PATH.sub("(a path)", text)


def content_of(document: BaseModel) -> bytes:
    """Return a document as it is written."""
    return (document.model_dump_json(indent=1) + "\n").encode()


def fingerprint_of(content: bytes) -> str:
    """Return the SHA-256 by which an index or another document names a content."""
    return hashlib.sha256(content).hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
