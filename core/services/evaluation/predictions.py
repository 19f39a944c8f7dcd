"""What models said of labelled images, kept so that no image is analysed twice for a figure.

Shapes: N images of a set.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from core.dataset.manifest import Cohort
from core.errors import EvaluationError
from core.evaluation.calibration import PlattScaling
from core.evaluation.metrics import EvaluationReport, evaluate_probabilities
from core.language import tr
from db import models as tables

CHOOSING_SPLITS = ("validation", "calibration")
"""Folds that a run does not fit its weights to and that may choose; every other split is evaluation-only."""
BOTH = "both"
"""The images of both, as a run itself chooses on them: more images make a steadier threshold."""
ALL = "all"
"""Every labelled image of a dataset, whatever its split: a look at these is one at each."""
HOLDOUT = "holdout"
OWN_FOLDS = (*CHOOSING_SPLITS, HOLDOUT)
"""Folds of a run's own split, of images that its weights were not fitted to."""


def is_selection_split(split: str) -> bool:
    """Return whether images of this split may select a model or a threshold: such folds, or NAME/FOLD of a saved split.

    Every look at the figures of any other split is a test-set access.
    """
    return split.rpartition("/")[2] in (*CHOOSING_SPLITS, BOTH)


def selection_first(split: str) -> tuple[bool, bool, str]:
    """Return a sorting key: splits that may select come first, validation before all."""
    return not is_selection_split(split), split != "validation", split


@dataclass(frozen=True)
class LabelledFilms:
    """Images in a fixed order, with what is known of each; labels are 1 for pneumonia, 0 for normal."""

    files: tuple[str, ...]
    labels_N: np.ndarray
    patients: tuple[str, ...]
    subtypes: tuple[str, ...]
    content_hashes: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything here, in order."""
        lines = zip(self.files, self.labels_N.tolist(), self.patients, self.subtypes, self.content_hashes, strict=True)
        joined = "\n".join("\t".join(map(str, line)) for line in lines)
        return hashlib.sha256(joined.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def known_patients(self) -> np.ndarray | None:
        """The patient of each image [N], each image its own where none is known; None if no patient is known."""
        if not any(self.patients):
            return None
        return np.array([patient or f"image {file}" for patient, file in zip(self.patients, self.files, strict=True)])

    @property
    def counted(self) -> str:
        """How many images of how many patients these are, in words that claim no patient that is not known."""
        pairs = zip(self.patients, self.content_hashes, strict=True)
        known = [patient for patient, content in pairs if patient and patient != content]
        num_films, num_known, num_unknown = len(self.files), len(set(known)), len(self.files) - len(known)
        if not known:
            return f"{num_films:,} images of unknown patients"
        said = f"{num_films:,} images of {num_known:,} patient{'' if num_known == 1 else 's'}"
        return f"{said} and {num_unknown:,} of unknown ones" if num_unknown else said

    def at(self, places: Sequence[int]) -> "LabelledFilms":
        """Return the images at these places."""
        columns = ("files", "patients", "subtypes", "content_hashes")
        return LabelledFilms(
            labels_N=self.labels_N[list(places)],
            **{name: tuple(getattr(self, name)[place] for place in places) for name in columns},
        )

    def judge(self, probabilities_N: np.ndarray, threshold: float, engine: str, **options: int) -> EvaluationReport:
        """Return the figures of calibrated probabilities at a threshold, images of one patient taken together."""
        return evaluate_probabilities(
            self.labels_N, probabilities_N, threshold, patients_N=self.known_patients, engine=engine, **options
        )

    def document(self) -> dict[str, list[str] | list[int]]:
        """Return the columns as the database keeps them."""
        return {
            "files": list(self.files),
            "labels": [int(label) for label in self.labels_N],
            "patients": list(self.patients),
            "subtypes": list(self.subtypes),
            "content_hashes": list(self.content_hashes),
        }


@dataclass(frozen=True)
class PredictedFilms:
    """What one checkpoint said of the images of one split."""

    checkpoint_hash: str
    split: str
    cohort_fingerprint: str
    engine: str
    films: LabelledFilms
    logits_N: np.ndarray
    calibration: PlattScaling
    report: EvaluationReport

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Calibrated probabilities of pneumonia [N]."""
        return self.calibration.apply(self.logits_N)


def films_of(cohort: Cohort, files: Sequence[str]) -> LabelledFilms:
    """Return these images of a dataset, in this order."""
    rows = cohort.manifest.set_index("file").loc[list(files)]
    return LabelledFilms(
        files=tuple(files),
        labels_N=(rows["label"] == "pneumonia").to_numpy().astype(np.uint8),
        patients=_texts(rows["patient"]),
        subtypes=_texts(rows["subtype"]),
        content_hashes=_texts(rows["content_hash"]),
    )


def keep_predictions(session: Session, predicted: PredictedFilms) -> None:
    """Store predictions unless the same checkpoint's of the same images and split are stored already."""
    film_set = _film_set(session, predicted.films)
    same = select(tables.PredictionSet.id).where(
        tables.PredictionSet.checkpoint_hash == predicted.checkpoint_hash,
        tables.PredictionSet.split == predicted.split,
        tables.PredictionSet.film_set_id == film_set.id,
    )
    if session.scalar(same) is not None:
        return
    session.add(
        tables.PredictionSet(
            checkpoint_hash=predicted.checkpoint_hash,
            split=predicted.split,
            film_set_id=film_set.id,
            cohort_fingerprint=predicted.cohort_fingerprint,
            engine=predicted.engine,
            slope=predicted.calibration.slope,
            intercept=predicted.calibration.intercept,
            logits=np.asarray(predicted.logits_N, dtype="<f8").tobytes(),
            report=predicted.report.model_dump(mode="json"),
        )
    )
    session.flush()


def load_predictions(session: Session, checkpoint_hashes: Sequence[str], split: str) -> dict[str, PredictedFilms]:
    """Return the newest predictions of each checkpoint on a split, those that have any.

    Folds of a checkpoint's own split are those of the dataset that it was trained on, whatever else was evaluated.
    """
    own_cohorts = _own_cohorts(session, checkpoint_hashes) if split in OWN_FOLDS else {}
    rows = session.scalars(
        select(tables.PredictionSet)
        .where(tables.PredictionSet.checkpoint_hash.in_(checkpoint_hashes), tables.PredictionSet.split == split)
        .options(joinedload(tables.PredictionSet.film_set))
        .order_by(tables.PredictionSet.id)
    ).all()
    films: dict[int, LabelledFilms] = {}
    found = {}
    for row in rows:
        if own_cohorts.get(row.checkpoint_hash, row.cohort_fingerprint) != row.cohort_fingerprint:
            continue
        if row.film_set_id not in films:
            films[row.film_set_id] = _read_films(row.film_set)
        found[row.checkpoint_hash] = _read_predictions(row, films[row.film_set_id])
    return found


def _own_cohorts(session: Session, checkpoint_hashes: Sequence[str]) -> dict[str, str]:
    """Return the fingerprint of the dataset that each checkpoint was trained on, where it is known."""
    version_of, run_of = tables.ModelVersion, tables.Run
    versions = session.execute(
        select(version_of.checkpoint_hash, version_of.card).where(version_of.checkpoint_hash.in_(checkpoint_hashes))
    )
    runs = session.execute(
        select(run_of.checkpoint_hash, run_of.cohort_fingerprint).where(run_of.checkpoint_hash.in_(checkpoint_hashes))
    )
    by_card = {hash_: card["cohort_fingerprint"] for hash_, card in versions if card.get("cohort_fingerprint")}
    return {**by_card, **{hash_: fingerprint for hash_, fingerprint in runs if hash_}}


def choosing_predictions(session: Session, checkpoint_hash: str, split: str) -> PredictedFilms | None:
    """Return the newest predictions of a checkpoint on a split, or of `both` folds as one; None if any is missing."""
    if split != BOTH:
        return load_predictions(session, [checkpoint_hash], split).get(checkpoint_hash)
    found = [load_predictions(session, [checkpoint_hash], fold).get(checkpoint_hash) for fold in CHOOSING_SPLITS]
    sets = [one for one in found if one is not None]
    return united(sets) if len(sets) == len(CHOOSING_SPLITS) else None


def joined(parts: Sequence[LabelledFilms]) -> LabelledFilms:
    """Return the images of several sets as one, in their order."""
    columns = ("files", "patients", "subtypes", "content_hashes")
    return LabelledFilms(
        labels_N=np.concatenate([one.labels_N for one in parts]),
        **{name: tuple(itertools.chain(*(getattr(one, name) for one in parts))) for name in columns},
    )


def united(sets: Sequence[PredictedFilms]) -> PredictedFilms:
    """Return several folds' predictions of one checkpoint as one set; the report stays the first fold's."""
    films = joined([one.films for one in sets])
    return replace(sets[0], split=BOTH, films=films, logits_N=np.concatenate([one.logits_N for one in sets]))


def stored_predictions(
    session: Session, checkpoint_hash: str, split: str, films: LabelledFilms
) -> PredictedFilms | None:
    """Return what a checkpoint said of exactly these images, None where that is not stored."""
    row = session.scalar(
        select(tables.PredictionSet)
        .join(tables.FilmSet)
        .where(
            tables.PredictionSet.checkpoint_hash == checkpoint_hash,
            tables.PredictionSet.split == split,
            tables.FilmSet.fingerprint == films.fingerprint,
        )
    )
    return None if row is None else _read_predictions(row, films)


def predictions_of_dataset(
    session: Session, checkpoint_hash: str, cohort_fingerprint: str, split: str
) -> PredictedFilms | None:
    """Return the newest predictions of a checkpoint on a split of just this dataset, None where there are none."""
    row_of = tables.PredictionSet
    of_dataset = (row_of.cohort_fingerprint == cohort_fingerprint, row_of.split == split)
    row = session.scalar(
        select(row_of)
        .where(row_of.checkpoint_hash == checkpoint_hash, *of_dataset)
        .options(joinedload(row_of.film_set))
        .order_by(row_of.id.desc())
        .limit(1)
    )
    return None if row is None else _read_predictions(row, _read_films(row.film_set))


def splits_with_predictions(session: Session, checkpoint_hash: str) -> list[str]:
    """Return the splits of which a checkpoint's predictions are stored, those that may choose first."""
    own = _own_cohorts(session, [checkpoint_hash]).get(checkpoint_hash)
    rows = session.execute(
        select(tables.PredictionSet.split, tables.PredictionSet.cohort_fingerprint)
        .where(tables.PredictionSet.checkpoint_hash == checkpoint_hash)
        .distinct()
    ).all()
    splits = {split for split, cohort in rows if own is None or split not in OWN_FOLDS or cohort == own}
    return sorted(splits, key=selection_first)


def _film_set(session: Session, films: LabelledFilms) -> tables.FilmSet:
    row = session.scalar(select(tables.FilmSet).where(tables.FilmSet.fingerprint == films.fingerprint))
    if row is None:
        row = tables.FilmSet(fingerprint=films.fingerprint, num_films=len(films.files), films=films.document())
        session.add(row)
        session.flush()
    return row


def _read_films(row: tables.FilmSet) -> LabelledFilms:
    columns = row.films
    return LabelledFilms(
        files=tuple(columns["files"]),
        labels_N=np.array(columns["labels"], dtype=np.uint8),
        patients=tuple(columns["patients"]),
        subtypes=tuple(columns["subtypes"]),
        content_hashes=tuple(columns["content_hashes"]),
    )


def _read_predictions(row: tables.PredictionSet, films: LabelledFilms) -> PredictedFilms:
    logits_N = np.frombuffer(row.logits, dtype="<f8")
    if len(logits_N) != len(films.files):
        raise EvaluationError(
            tr(
                "The stored predictions of checkpoint {checkpoint_hash} on {split} do not fit their images. Put a "
                "backup of the database in its place.",
                checkpoint_hash=row.checkpoint_hash[:12],
                split=row.split,
            )
        )
    return PredictedFilms(
        checkpoint_hash=row.checkpoint_hash,
        split=row.split,
        cohort_fingerprint=row.cohort_fingerprint,
        engine=row.engine,
        films=films,
        logits_N=logits_N,
        calibration=PlattScaling(slope=row.slope, intercept=row.intercept),
        report=EvaluationReport.model_validate({"engine": row.engine, **row.report}),
    )


def _texts(column: pd.Series) -> tuple[str, ...]:
    return tuple(value if isinstance(value, str) else "" for value in column)
