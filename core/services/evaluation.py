"""Evaluation of a model on a labelled split; every opening of a split is recorded."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport, evaluate_probabilities
from core.services import cohorts
from core.services.desk import Desk
from core.services.models import STARTER, record_model
from core.services.openings import count_openings, record_opening
from core.services.predictions import PredictedFilms, films_of, keep_predictions
from core.services.predictors import load_predictor, num_threads
from core.triage.intake import Candidate
from core.triage.pipeline import Predictor, read_films


class EvaluationRequest(BaseModel):
    """Which model is judged on which films."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description="The folder of the cohort.")
    model: str = Field(STARTER, description="`starter`, `run:RUN` or a checkpoint folder.")
    split: str = Field("test", description="The split that is scored.")


@dataclass(frozen=True)
class EvaluationResult:
    """The figures, and what they were measured with and on."""

    report: EvaluationReport
    model: str
    checkpoint_hash: str
    engine: str
    cohort_fingerprint: str
    split: str
    num_unreadable: int
    num_openings: int

    def document(self) -> dict[str, Any]:
        """Return one flat document: the figures first, then what they rest on."""
        rest = {name: value for name, value in vars(self).items() if name != "report"}
        return {**self.report.model_dump(mode="json"), **rest}


def evaluate(
    desk: Desk, request: EvaluationRequest, on_progress: Callable[[int, int], None] = lambda done, count: None
) -> EvaluationResult:
    """Score every readable film of a split, without gate and without removing duplicates, and record the opening."""
    cohort = cohorts.index(desk, request.data)
    films = cohort.select(request.split)
    films = films[films["label"].notna()]
    if films.empty:
        raise EvaluationError(_nothing_to_score(request, sorted(set(cohort.manifest["split"].dropna()))))
    predictor = replace(load_predictor(desk, request.model), gate=None)
    logits = score_films(desk, predictor, cohort.root, list(films["file"]), on_progress)
    scored = films[films["file"].isin(logits)]
    if scored.empty:
        raise EvaluationError(f"No film of the split {request.split!r} of {request.data} can be read.")
    logits_N = np.array([logits[file] for file in scored["file"]])
    card = predictor.checkpoint.card
    report = evaluate_probabilities(
        (scored["label"] == "pneumonia").to_numpy().astype(int),
        card.calibration.apply(logits_N),
        predictor.operating_point.threshold,
        patients_N=scored["patient"].to_numpy(),
    )
    predicted = PredictedFilms(
        checkpoint_hash=predictor.checkpoint.hash,
        split=request.split,
        cohort_fingerprint=cohort.fingerprint,
        engine=predictor.engine.name,
        films=films_of(cohort, list(scored["file"])),
        logits_N=logits_N,
        calibration=card.calibration,
        report=report,
    )
    return EvaluationResult(
        report=report,
        model=card.name,
        checkpoint_hash=predictor.checkpoint.hash,
        engine=predictor.engine.name,
        cohort_fingerprint=cohort.fingerprint,
        split=request.split,
        num_unreadable=len(films) - len(scored),
        num_openings=_record(desk, predictor, predicted),
    )


def score_films(
    desk: Desk, predictor: Predictor, root: Path, files: list[str], on_progress: Callable[[int, int], None]
) -> dict[str, float]:
    """Return the logit of every film below `root` that can be read, whatever the checks of films would say of it."""
    candidates = [Candidate(name=file, path=root / file, member=None) for file in files]
    readings = read_films(
        candidates,
        predictor,
        num_threads=num_threads(desk),
        max_file_bytes=desk.settings.max_file_megabytes * 10**6,
        check_films=False,
    )
    logits: dict[str, float] = {}
    for done, reading in enumerate(readings, 1):
        if reading.logit is not None:
            logits[reading.file] = reading.logit
        on_progress(done, len(files))
    return logits


def _record(desk: Desk, predictor: Predictor, predicted: PredictedFilms) -> int:
    """Store predictions and this opening; return how often this split of this cohort has been opened on this desk."""
    with desk.transaction() as session:
        record_model(session, predictor.checkpoint.card, predictor.checkpoint.folder)
        keep_predictions(session, predicted)
        record_opening(session, predicted, "read")
        return count_openings(session, predicted.cohort_fingerprint, predicted.split)


def _nothing_to_score(request: EvaluationRequest, splits: list[str]) -> str:
    there_is = f"It has: {', '.join(splits)}." if splits else "It has no split folders (train, val, test)."
    return f"{request.data} has no labelled, readable films in a split called {request.split!r}. {there_is}"
