"""How much a model's answers move when films are re-encoded, resized, turned or covered; every opening is recorded."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from core.cohort.manifest import Cohort
from core.errors import EvaluationError
from core.evaluation.delong import delong_test
from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.operating_point import OperatingPoint
from core.services import cohorts
from core.services.desk import Desk
from core.services.models import STARTER, model_folder
from core.services.openings import count_openings, record_opening
from core.services.predictions import LabelledFilms, PredictedFilms, films_of
from core.services.predictors import load_predictor, num_threads
from core.triage.intake import Candidate
from core.triage.pipeline import Predictor
from core.triage.stresses import STRESSES
from core.triage.stressing import stressed_logits

ALL = "all"
FOLDS = ("train", "validation", "calibration", "holdout")


class StressRequest(BaseModel):
    """Which model is stressed on which films."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description="The folder of the cohort.")
    model: str = Field(STARTER, description="`starter`, `run:RUN`, `ensemble:NAME` or a checkpoint folder.")
    split: str = Field(
        "validation",
        description="A fold of the model's own split (validation, calibration), a folder of the cohort (train, val, "
        "test), or `all` films of the cohort.",
    )


class StressResult(BaseModel):
    """What one change does to a model's answers, against the same films as they are."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    is_harmless: bool = Field(description="Whether a reader would call it the same film; else it is reported apart.")
    auc: float | None
    auc_change: float | None
    auc_change_ci: tuple[float, float] | None = Field(description="95 % interval, DeLong, paired.")
    mean_abs_probability_change: float
    decision_flips: float = Field(description="Share of films that land on the other side of the threshold.")
    num_flips: int


class StressReport(BaseModel):
    """The stress results of one checkpoint on one set of films."""

    model_config = ConfigDict(frozen=True)

    model: str
    checkpoint_hash: str
    engine: str
    cohort_fingerprint: str
    split: str
    n: int
    num_unreadable: int
    threshold: float
    auc: float | None = Field(description="Of the films as they are.")
    num_openings: int = Field(description="How often this split has been opened on this desk.")
    stresses: dict[str, StressResult]


def stress_model(
    desk: Desk, request: StressRequest, on_progress: Callable[[int, int], None] = lambda done, count: None
) -> StressReport:
    """Read every film of a split as it is and under every stress, and say how far the answers move.

    Raises EvaluationError if there is no such split or none of its films can be read.
    """
    cohort = cohorts.index(desk, request.data)
    files = films_of_request(desk, cohort, request)
    predictor = load_predictor(desk, request.model)
    logits_NS = stressed_logits(
        [Candidate(name=file, path=cohort.root / file) for file in files],
        predictor,
        STRESSES,
        num_threads=num_threads(desk),
        max_file_bytes=desk.settings.max_file_megabytes * 10**6,
        on_progress=on_progress,
    )
    readable_N = ~np.isnan(logits_NS[:, 0])
    if not readable_N.any():
        raise EvaluationError(f"No film of the split {request.split!r} of {request.data} can be read.")
    films = films_of(cohort, [file for file, is_readable in zip(files, readable_N, strict=True) if is_readable])
    return _report(desk, request, cohort, predictor, films, logits_NS[readable_N], int((~readable_N).sum()))


def _report(
    desk: Desk,
    request: StressRequest,
    cohort: Cohort,
    predictor: Predictor,
    films: LabelledFilms,
    logits_NS: np.ndarray,
    num_unreadable: int,
) -> StressReport:
    card, point = predictor.checkpoint.card, predictor.operating_point
    probabilities_NS = card.calibration.apply(logits_NS)
    clean = PredictedFilms(
        checkpoint_hash=predictor.checkpoint.hash,
        split=request.split,
        cohort_fingerprint=cohort.fingerprint,
        engine=predictor.engine.name,
        films=films,
        logits_N=logits_NS[:, 0],
        calibration=card.calibration,
        report=evaluate_probabilities(
            films.labels_N, probabilities_NS[:, 0], point.threshold, patients_N=films.known_patients
        ),
    )
    with desk.transaction() as session:
        record_opening(session, clean, "read")
        num_openings = count_openings(session, cohort.fingerprint, request.split)
    return StressReport(
        model=card.name,
        checkpoint_hash=predictor.checkpoint.hash,
        engine=predictor.engine.name,
        cohort_fingerprint=cohort.fingerprint,
        split=request.split,
        n=len(films.files),
        num_unreadable=num_unreadable,
        threshold=point.threshold,
        auc=clean.report.auc,
        num_openings=num_openings,
        stresses=judge_stresses(films.labels_N, probabilities_NS, point),
    )


def judge_stresses(
    labels_N: np.ndarray, probabilities_NS: np.ndarray, point: OperatingPoint
) -> dict[str, StressResult]:
    """Return a result for each stress from probabilities `[N, 1 + S]`, the first column of the films as they are."""
    clean_N = probabilities_NS[:, 0]
    results = {}
    for number, stress in enumerate(STRESSES, start=1):
        changed_N = probabilities_NS[:, number]
        compared = delong_test(labels_N, changed_N, clean_N)
        num_flips = int(((changed_N >= point.threshold) != (clean_N >= point.threshold)).sum())
        results[stress.name] = StressResult(
            name=stress.name,
            description=stress.description,
            is_harmless=stress.is_harmless,
            auc=compared.auc_first,
            auc_change=compared.difference,
            auc_change_ci=compared.interval,
            mean_abs_probability_change=float(np.abs(changed_N - clean_N).mean()),
            decision_flips=num_flips / len(labels_N),
            num_flips=num_flips,
        )
    return results


def films_of_request(desk: Desk, cohort: Cohort, request: StressRequest) -> list[str]:
    """Return the labelled films of a split, which may be a fold of the model's own; raises EvaluationError."""
    folder = model_folder(desk, request.model)
    films = cohort.select(None if request.split == ALL else request.split)
    if request.split in FOLDS and (table := _own_split(folder)) is not None and request.split != "train":
        files = set(table.loc[table["fold"] == request.split, "file"])
        films = cohort.select(None)
        films = films[films["file"].isin(files)]
    films = films[films["label"].notna()]
    if films.empty:
        splits = sorted(set(cohort.manifest["split"].dropna()))
        raise EvaluationError(
            f"There are no labelled films of {request.split!r} in {request.data}. It has the folders "
            f"{', '.join(splits) or 'of no split'}; `all` takes every film, `validation` and `calibration` those that "
            "the model was not fitted to, where they lie in this cohort."
        )
    return list(films["file"])


def _own_split(folder: Path) -> pd.DataFrame | None:
    """Return the table of the split that a model was trained on, if it came with the model."""
    for place in (folder / "split.csv", folder.parent / "split.csv"):
        if place.is_file():
            return pd.read_csv(place, dtype=str, keep_default_na=False)
    return None
