"""What a model says of the images of a fold: read once, put together and evaluated in one way, anyone who asks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.dataset.manifest import Cohort
from core.dataset.splitting import CohortSplit
from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport
from core.language import tr
from core.model.card import ModelCard
from core.progress import OnCount
from core.services.desk import Desk
from core.services.evaluation.predictions import (
    CHOOSING_SPLITS,
    LabelledFilms,
    PredictedFilms,
    films_of,
    keep_predictions,
)
from core.services.models.loading import load_predictor
from core.services.models.operating_points import operating_point_of
from core.services.models.reading import read_all
from core.triage.film_reading import FilmReading
from core.triage.intake import Candidate
from core.triage.predictor import Predictor

if TYPE_CHECKING:
    from core.runs.session import SessionOutcome


def assembled(
    card: ModelCard,
    split: str,
    cohort_fingerprint: str,
    engine: str,
    films: LabelledFilms,
    logits_N: np.ndarray,
    report: EvaluationReport | None = None,
) -> PredictedFilms:
    """Return the predictions of a fold by their logits [N], evaluated at the model's operating point unless they
    were.
    """
    return PredictedFilms(
        checkpoint_hash=card.weights_hash,
        split=split,
        cohort_fingerprint=cohort_fingerprint,
        engine=engine,
        films=films,
        logits_N=logits_N,
        calibration=card.calibration,
        report=report or films.judge(card.calibration.apply(logits_N), operating_point_of(card).threshold, engine),
    )


def read_fold(
    desk: Desk, model: str, cohort: Cohort, split: str, files: Sequence[str], on_count: OnCount
) -> PredictedFilms:
    """Return what a model says of these images of a dataset, without gate and file checks, in the order of the files.

    Images that cannot be read are left out. Raises EvaluationError if none can be read.
    """
    predictor = replace(load_predictor(desk, model), gate=None)
    logits = score_films(desk, predictor, cohort.root, files, on_count)
    scored = [file for file in files if file in logits]
    if not scored:
        raise EvaluationError(
            tr("No image of the split {split!r} of {root} can be read.", split=split, root=cohort.root)
        )
    logits_N = np.array([logits[file] for file in scored])
    films, card, engine = films_of(cohort, scored), predictor.checkpoint.card, predictor.engine.name
    report = films.judge(card.calibration.apply(logits_N), predictor.operating_point.threshold, engine)
    return assembled(card, split, cohort.fingerprint, engine, films, logits_N, report)


def keep_run_predictions(desk: Desk, cohort: Cohort, split: CohortSplit, outcome: "SessionOutcome") -> None:
    """Store what a finished run said of its validation and calibration images."""
    card = outcome.card
    with desk.transaction() as session:
        for fold in CHOOSING_SPLITS:
            films = films_of(cohort, split.files(fold))
            logits_N, report = outcome.logits[fold], card.metrics[fold]
            keep_predictions(
                session, assembled(card, fold, cohort.fingerprint, outcome.engine, films, logits_N, report)
            )


def score_films(
    desk: Desk, predictor: Predictor, root: Path, files: Sequence[str], on_count: OnCount
) -> dict[str, float]:
    """Return the logit of every image below `root` that can be read, whatever the checks of images would say of it."""
    candidates = [Candidate(name=file, path=root / file, member=None) for file in files]
    readings = read_all(desk, predictor, candidates, check_films=False)
    logits: dict[str, float] = {}
    for done, reading in enumerate(readings, 1):
        if isinstance(reading, FilmReading) and reading.logit is not None:
            logits[reading.file] = reading.logit
        on_count(done, len(files))
    return logits
