"""Evaluation of a model on a labelled split; every access is recorded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.dataset.manifest import Cohort
from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport
from core.language import mark, tr
from core.model.card import ModelCard
from core.model.checkpoint import read_card
from core.progress import OnCount, count_for_nobody
from core.services.datasets import indexing
from core.services.datasets.splits import files_of_fold
from core.services.desk import Desk
from core.services.evaluation.assembly import assembled, read_fold
from core.services.evaluation.film_selection import FilmChoice, chosen_films
from core.services.evaluation.predictions import (
    ALL,
    OWN_FOLDS,
    PredictedFilms,
    films_of,
    keep_predictions,
    stored_predictions,
)
from core.services.evaluation.test_set_access import count_openings, record_opening
from core.services.evaluation.training_overlap import training_images_among
from core.services.models.lookup import ACTIVE, model_folder, record_model


class EvaluationRequest(BaseModel):
    """Which model is evaluated on which images."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description=mark("The folder of the dataset."))
    model: str = Field(
        default=ACTIVE, description=mark("`active`, `starter`, `NAME@VERSION`, `run:RUN` or a checkpoint folder.")
    )
    split: str = Field(
        default="test",
        description=mark(
            "The split that is scored: a folder, validation, calibration or holdout of the model's own split, "
            "NAME/FOLD of a saved split, or all. A dataset without split folders is scored as a whole instead of its "
            "test."
        ),
    )
    again: bool = Field(
        default=False, description=mark("Analyse images again whose predictions by this checkpoint are stored.")
    )


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
    from_stored_predictions: bool
    predicted: PredictedFilms
    num_training_images: int | None
    """Images that the model was trained on, or of patients of such; None where its folds are not known."""
    without_training_images: EvaluationReport | None
    """The figures of the other images, where there are both kinds."""

    def document(self) -> dict[str, Any]:
        """Return one flat document: the figures first, then what they rest on."""
        reports = ("report", "without_training_images")
        rest = {name: value for name, value in vars(self).items() if name not in (*reports, "predicted")}
        others = self.without_training_images
        rest["without_training_images"] = others.model_dump(mode="json") if others else None
        return {**self.report.model_dump(mode="json"), **rest}


def evaluate(desk: Desk, request: EvaluationRequest, on_count: OnCount = count_for_nobody) -> EvaluationResult:
    """Evaluate a model on every readable image of a split, without gate and without removing duplicates.

    Images that this checkpoint has read before in just this split are not read again. The access is recorded.
    Raises EvaluationError for a fold of a saved split that holds images that the model was trained on.
    """
    cohort = indexing.index(desk, request.data)
    if request.split == "test" and cohort.select()["split"].isna().all():
        request = request.model_copy(update={"split": ALL})
    files = _files(desk, request, cohort)
    folder = model_folder(desk, request.model)
    card = read_card(folder)
    learnt = training_images_among(desk, folder, films_of(cohort, files), cohort.fingerprint, cohort)
    _check_fold(request, card, len(learnt or ()), len(files))
    predicted = None if request.again else _stored(desk, card, cohort, request.split, files)
    is_stored = predicted is not None
    predicted = predicted or read_fold(desk, request.model, cohort, request.split, files, on_count)
    return EvaluationResult(
        report=predicted.report,
        model=card.name,
        checkpoint_hash=predicted.checkpoint_hash,
        engine=predicted.engine,
        cohort_fingerprint=cohort.fingerprint,
        split=request.split,
        num_unreadable=len(files) - len(predicted.films.files),
        num_openings=_record(desk, card, folder, predicted),
        from_stored_predictions=is_stored,
        predicted=predicted,
        num_training_images=None if learnt is None else len(learnt.intersection(predicted.films.files)),
        without_training_images=_without(predicted, learnt or frozenset()),
    )


def _check_fold(request: EvaluationRequest, card: ModelCard, num_learnt: int, num_files: int) -> None:
    """Refuse folds that say of themselves that they were held back, and were not from this model."""
    if num_learnt and "/" in request.split and not request.split.endswith("/train"):
        raise EvaluationError(
            tr(
                "{name} was trained on {num_trained} of the {num_files} images of {split!r}, or on others of the same "
                "patients: its figures would be too good. Evaluate it on folds that it was not trained on; `splits "
                "adopt` saves its own.",
                name=card.name,
                num_trained=num_learnt,
                num_files=num_files,
                split=request.split,
            )
        )


def _without(predicted: PredictedFilms, learnt: frozenset[str]) -> EvaluationReport | None:
    """Return the figures of the images that the model was not trained on; None where there is only one kind."""
    films = predicted.films
    places = [place for place, file in enumerate(films.files) if file not in learnt]
    if not places or len(places) == len(films.files):
        return None
    return films.at(places).judge(predicted.probabilities[places], predicted.report.threshold, predicted.engine)


def _files(desk: Desk, request: EvaluationRequest, cohort: Cohort) -> list[str]:
    if "/" in request.split:
        return files_of_fold(desk, cohort, request.split)
    if request.split in OWN_FOLDS:
        return chosen_films(desk, cohort, FilmChoice(data=request.data, model=request.model, split=request.split))
    films = cohort.select(None if request.split == ALL else request.split)
    films = films[films["label"].notna()]
    if films.empty:
        raise EvaluationError(_nothing_to_score(request, sorted(set(cohort.manifest["split"].dropna()))))
    return list(films["file"])


def _stored(desk: Desk, card: ModelCard, cohort: Cohort, split: str, files: list[str]) -> PredictedFilms | None:
    """Return stored predictions of all these images, evaluated as the card says now; None if any was not read."""
    with desk.reading() as session:
        found = stored_predictions(session, card.weights_hash, split, films_of(cohort, files))
    if found is None:
        return None
    return assembled(card, split, cohort.fingerprint, found.engine, found.films, found.logits_N)


def _record(desk: Desk, card: ModelCard, folder: Path, predicted: PredictedFilms) -> int:
    """Store predictions and this access; return how often this split of this dataset has been opened on this desk."""
    with desk.transaction() as session:
        record_model(session, card, folder)
        keep_predictions(session, predicted)
        record_opening(session, predicted, "read")
        return count_openings(session, predicted.cohort_fingerprint, predicted.split)


def _nothing_to_score(request: EvaluationRequest, splits: list[str]) -> str:
    there_is = f"It has: {', '.join(splits)}." if splits else "It has no split folders (train, val, test)."
    return f"{request.data} has no labelled, readable images in a split called {request.split!r}. {there_is}"
