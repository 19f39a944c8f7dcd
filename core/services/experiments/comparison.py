"""Two to eight runs on the same images: figures side by side, paired tests, and a verdict in plain words.

Shapes: K runs, N images that all of them read.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport, interval_notes
from core.evaluation.paired_bootstrap import PairedDifference, paired_differences
from core.language import mark, tr
from core.services.desk import Desk
from core.services.evaluation.paired_tests import Contender, PairwiseTest, compare_pairs, differing_fields
from core.services.evaluation.predictions import LabelledFilms, PredictedFilms, load_predictions
from core.services.evaluation.test_set_access import count_looks, openings_of
from core.services.evaluation.training_overlap import TrainingOverlaps, say_overlap
from core.services.runs.readable import readable
from core.services.runs.record import resolve_run_ids
from db import models as tables

MOST_RUNS = 8
NUM_RESAMPLES_OF_SUBSETS = 500


class CompareRequest(BaseModel):
    """Which runs are compared, on which images; the first is what the others are compared with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[str, ...] = Field(description=mark("Two to eight runs, by id or the beginning of it."))
    split: str = Field(default="validation", description=mark("The split on whose images they are compared."))


@dataclass(frozen=True)
class ComparedRun:
    """One run with its figures on the common images, at its own threshold."""

    id: str
    name: str
    checkpoint_hash: str
    config: dict[str, Any]
    report: EvaluationReport
    probabilities_N: np.ndarray
    num_training_images: int | None
    """Of the common images, those that this run was trained on; None where that is not known."""


@dataclass(frozen=True)
class RunPairTest(PairwiseTest):
    """A run against the first: the paired tests, and differences with bootstrap intervals over whole patients."""

    first: str
    second: str
    differences: tuple[PairedDifference, ...]


@dataclass(frozen=True)
class Comparison:
    """What a comparison found; `notes` say what it could not do."""

    split: str
    runs: tuple[ComparedRun, ...]
    films: LabelledFilms
    config_differences: dict[str, tuple[Any, ...]]
    verdicts: tuple[RunPairTest, ...]
    notes: tuple[str, ...]
    num_openings: int

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document, without the predictions of single images."""
        return {
            "split": self.split,
            "num_films": len(self.films.files),
            "num_openings": self.num_openings,
            "notes": list(self.notes),
            "interval_notes": list(interval_notes([run.report for run in self.runs])),
            "runs": [
                {
                    "id": run.id,
                    "name": run.name,
                    "checkpoint_hash": run.checkpoint_hash,
                    "metrics": run.report.model_dump(mode="json"),
                    "num_training_images": run.num_training_images,
                }
                for run in self.runs
            ],
            "config_differences": {name: list(values) for name, values in self.config_differences.items()},
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }


def compare_runs(desk: Desk, request: CompareRequest, *, record: bool = True) -> Comparison:
    """Compare runs on the images that all of them read; images that may not select count as looked at, for each run.

    Raises EvaluationError in a sentence where nothing can be compared.
    """
    ids = tuple(dict.fromkeys(resolve_run_ids(desk, request.runs)))
    if not 2 <= len(ids) <= MOST_RUNS:
        raise EvaluationError(
            tr(
                "A comparison needs 2 to {most} different runs; {num_given} were given.",
                most=MOST_RUNS,
                num_given=len(ids),
            )
        )
    with desk.reading() as session:
        rows = {run.id: run for run in session.scalars(select(tables.Run).where(tables.Run.id.in_(ids)))}
        hashes = [checkpoint for run_id in ids if (checkpoint := rows[run_id].checkpoint_hash)]
        predicted = load_predictions(session, hashes, request.split)
    notes, kept = [], []
    for run_id in ids:
        run = rows[run_id]
        if run.checkpoint_hash in predicted:
            kept.append(run)
        else:
            notes.append(_why_not(run, request.split))
    if len(kept) < 2:
        raise EvaluationError(" ".join((tr("There are not two runs to compare."), *notes)))
    sets = [predicted[run.checkpoint_hash] for run in kept]
    films, places, note = _common_films(sets, [run.name for run in kept])
    notes += [note] if note else []
    if len(set(films.labels_N.tolist())) < 2:
        notes.append(tr("The common images are of one class only, so there is no AUC and no test of it."))
    overlaps = TrainingOverlaps(desk)
    runs = tuple(
        _compared(run, one, films, rows_N, overlaps.of(one if rows_N is None else replace(one, films=films)))
        for run, one, rows_N in zip(kept, sets, places, strict=True)
    )
    notes += [f"{run.name}: {said}" for run in runs if (said := say_overlap(run.num_training_images, len(films.files)))]
    if record:
        count_looks(desk, sets, "compared")
    return Comparison(
        split=request.split,
        runs=runs,
        films=films,
        config_differences=differing_fields([run.config for run in runs]),
        verdicts=_verdicts(runs, films),
        notes=tuple(notes),
        num_openings=openings_of(desk, sets),
    )


def _why_not(run: tables.Run, split: str) -> str:
    if run.checkpoint_hash is None:
        return tr(
            "{name} ({run_id}) is {state} and has no finished model.", name=run.name, run_id=run.id, state=run.state
        )
    return tr("Of {name} ({run_id}) no predictions on {split!r} are kept.", name=run.name, run_id=run.id, split=split)


def _common_films(
    sets: Sequence[PredictedFilms], names: Sequence[str]
) -> tuple[LabelledFilms, list[np.ndarray | None], str]:
    """Return the images that all sets hold, their places in each set (None for all of them), and a note if some
    lack.
    """
    first = sets[0].films
    if all(one.films.fingerprint == first.fingerprint for one in sets):
        return first, [None] * len(sets), ""
    tables_of_places = [_places(one.films) for one in sets]
    common = [key for key in tables_of_places[0] if all(key in places for places in tables_of_places[1:])]
    if not common:
        raise EvaluationError(
            tr("These runs were evaluated on different images and have none in common: nothing is compared.")
        )
    rows = [np.array([places[key] for key in common]) for places in tables_of_places]
    counts = ", ".join(f"{name} {len(one.films.files):,}" for name, one in zip(names, sets, strict=True))
    note = tr(
        "The runs were evaluated on different images ({counts}); they are compared on the {num_common:,} in common.",
        counts=counts,
        num_common=len(common),
    )
    return first.at(rows[0].tolist()), [*rows], note


def _places(films: LabelledFilms) -> dict[tuple[str, int], int]:
    """Return the place of each image by content and label, of exact copies the first."""
    found: dict[tuple[str, int], int] = {}
    for place, (content, file, label) in enumerate(
        zip(films.content_hashes, films.files, films.labels_N.tolist(), strict=True)
    ):
        found.setdefault((content or file, label), place)
    return found


def _compared(
    run: tables.Run,
    predicted: PredictedFilms,
    films: LabelledFilms,
    rows_N: np.ndarray | None,
    num_training_images: int | None,
) -> ComparedRun:
    """Return a run with the report that was stored with its predictions, or a new one where only some images count."""
    probabilities_N, report = predicted.probabilities, predicted.report
    if rows_N is not None:
        probabilities_N = probabilities_N[rows_N]
        report = films.judge(
            probabilities_N, report.threshold, predicted.engine, num_resamples=NUM_RESAMPLES_OF_SUBSETS
        )
    return ComparedRun(
        id=run.id,
        name=run.name,
        checkpoint_hash=predicted.checkpoint_hash,
        config=readable(run).config,
        report=report,
        probabilities_N=probabilities_N,
        num_training_images=num_training_images,
    )


def _verdicts(runs: Sequence[ComparedRun], films: LabelledFilms) -> tuple[RunPairTest, ...]:
    contenders = [Contender(run.name, run.probabilities_N, run.report.threshold, run.report.engine) for run in runs]
    tests = compare_pairs(films, [(one, contenders[0]) for one in contenders[1:]])
    differences = paired_differences(
        films.labels_N,
        np.stack([run.probabilities_N for run in runs]),
        [run.report.threshold for run in runs],
        films.known_patients,
    )
    return tuple(
        RunPairTest(**vars(test), first=runs[0].id, second=run.id, differences=found)
        for run, test, found in zip(runs[1:], tests, differences, strict=True)
    )
