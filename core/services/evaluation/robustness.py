"""How much a model's answers move when images are re-encoded, resized, turned or covered; every access is recorded."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.dataset.manifest import Cohort
from core.errors import EvaluationError
from core.evaluation.delong import delong_test
from core.evaluation.operating_point import OperatingPoint
from core.language import mark, tr
from core.progress import OnCount, count_for_nobody
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.evaluation.assembly import assembled
from core.services.evaluation.film_selection import FilmChoice, chosen_films
from core.services.evaluation.measurements import MeasurementKind, ModelMeasured, keep_measurement
from core.services.evaluation.predictions import LabelledFilms, films_of
from core.services.evaluation.test_set_access import count_openings, record_opening
from core.services.evaluation.training_overlap import training_images_among
from core.services.models.loading import load_predictor, num_threads
from core.services.models.lookup import model_folder
from core.triage.intake import Candidate
from core.triage.predictor import Predictor
from core.triage.stresses import STRESSES
from core.triage.stressing import stressed_logits


class StressResult(BaseModel):
    """What one change does to a model's answers, against the same images as they are."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    is_harmless: bool = Field(
        description=mark("Whether a reader would call it the same image; else it is reported apart.")
    )
    auc: float | None
    auc_change: float | None
    auc_change_ci: tuple[float, float] | None = Field(
        description=mark("95 % interval, DeLong, paired, the images of one patient counted together.")
    )
    mean_abs_probability_change: float
    decision_flips: float = Field(description=mark("Share of images that land on the other side of the threshold."))
    num_flips: int


class StressReport(ModelMeasured):
    """The stress results of one checkpoint on one set of images."""

    n: int
    num_training_images: int | None = Field(
        default=None,
        description=mark(
            "Images the model was trained on, or of patients of such; null where its folds are not known."
        ),
    )
    num_unreadable: int
    threshold: float
    auc: float | None = Field(description=mark("Of the images as they are."))
    num_openings: int = Field(description=mark("How often this split has been opened on this desk."))
    stresses: dict[str, StressResult]


def stress_model(desk: Desk, choice: FilmChoice, on_count: OnCount = count_for_nobody) -> StressReport:
    """Read every image of a split as it is and under every stress, and say how far the answers move; this is kept.

    Raises EvaluationError if there is no such split or none of its images can be read.
    """
    cohort = indexing.index(desk, choice.data)
    files = chosen_films(desk, cohort, choice)
    predictor = load_predictor(desk, choice.model)
    logits_NS = stressed_logits(
        [Candidate(name=file, path=cohort.root / file) for file in files],
        predictor,
        STRESSES,
        num_threads=num_threads(desk),
        max_file_bytes=desk.settings.max_file_bytes,
        on_count=on_count,
    )
    readable_N = ~np.isnan(logits_NS[:, 0])
    if not readable_N.any():
        raise EvaluationError(
            tr("No image of the split {split!r} of {data} can be read.", split=choice.split, data=choice.data)
        )
    films = films_of(cohort, [file for file, is_readable in zip(files, readable_N, strict=True) if is_readable])
    report = _report(desk, choice, cohort, predictor, films, logits_NS[readable_N], int((~readable_N).sum()))
    keep_measurement(desk, MeasurementKind.STRESS, report)
    return report


def _report(
    desk: Desk,
    choice: FilmChoice,
    cohort: Cohort,
    predictor: Predictor,
    films: LabelledFilms,
    logits_NS: np.ndarray,
    num_unreadable: int,
) -> StressReport:
    card, point = predictor.checkpoint.card, predictor.operating_point
    probabilities_NS = card.calibration.apply(logits_NS)
    learnt = training_images_among(desk, model_folder(desk, choice.model), films, cohort.fingerprint, cohort)
    clean = assembled(card, choice.split, cohort.fingerprint, predictor.engine.name, films, logits_NS[:, 0])
    with desk.transaction() as session:
        record_opening(session, clean, "read")
        num_openings = count_openings(session, cohort.fingerprint, choice.split)
    return StressReport(
        model=card.name,
        checkpoint_hash=predictor.checkpoint.hash,
        engine=predictor.engine.name,
        cohort_fingerprint=cohort.fingerprint,
        split=choice.split,
        n=len(films.files),
        num_training_images=None if learnt is None else len(learnt),
        num_unreadable=num_unreadable,
        threshold=point.threshold,
        auc=clean.report.auc,
        num_openings=num_openings,
        stresses=judge_stresses(films, probabilities_NS, point),
    )


def judge_stresses(
    films: LabelledFilms, probabilities_NS: np.ndarray, point: OperatingPoint
) -> dict[str, StressResult]:
    """Return a result for each stress from probabilities `[N, 1 + S]`, the first column of the images as they are."""
    clean_N = probabilities_NS[:, 0]
    results = {}
    for number, stress in enumerate(STRESSES, start=1):
        changed_N = probabilities_NS[:, number]
        compared = delong_test(films.labels_N, changed_N, clean_N, films.known_patients)
        num_flips = int(((changed_N >= point.threshold) != (clean_N >= point.threshold)).sum())
        results[stress.name] = StressResult(
            name=stress.name,
            description=stress.description,
            is_harmless=stress.is_harmless,
            auc=compared.auc_first,
            auc_change=compared.difference,
            auc_change_ci=compared.interval,
            mean_abs_probability_change=float(np.abs(changed_N - clean_N).mean()),
            decision_flips=num_flips / len(films.labels_N),
            num_flips=num_flips,
        )
    return results
