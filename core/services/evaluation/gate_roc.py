"""How well a model's gate tells chest images from other pictures, measured on real ones of both kinds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from core.errors import EvaluationError
from core.evaluation.proportions import wilson_interval
from core.evaluation.ranking import roc_auc
from core.language import tr
from core.services.desk import Desk
from core.services.films.reachable import files_below
from core.services.models.reading import read_all
from core.triage.film_reading import FilmReading
from core.triage.gate import Gate
from core.triage.intake import Candidate
from core.triage.predictor import Predictor

NUM_POINTS = 25


@dataclass(frozen=True)
class GateDistances:
    """Distances of pictures that should pass and of pictures that should be stopped."""

    films_N: np.ndarray
    pictures_M: np.ndarray


def measure_gate(
    desk: Desk, predictor: Predictor, films: Iterable[Path], pictures: Path, description: str
) -> dict[str, Any]:
    """Return the gate's ROC: pictures that are no chest images are to be stopped, `films` are to pass.

    Every readable picture counts, also one that the file checks would have refused before the gate.
    """
    if predictor.gate is None:
        raise EvaluationError(tr("The model {name} has no gate to measure.", name=predictor.checkpoint.card.name))
    outside = list(files_below(desk, [pictures]))
    distances = GateDistances(
        films_N=_distances(desk, predictor, [Candidate(str(path), path) for path in films]),
        pictures_M=_distances(desk, predictor, outside),
    )
    if not len(distances.films_N) or not len(distances.pictures_M):
        raise EvaluationError(
            tr("A gate is measured on readable images and on readable other pictures; one kind is missing.")
        )
    return describe(distances, predictor.gate.threshold, description)


def describe(distances: GateDistances, threshold: float, description: str) -> dict[str, Any]:
    """Return AUC, the shares that the threshold stops with their 95 % intervals, and points of the curve."""
    labels = np.concatenate([np.zeros(len(distances.films_N)), np.ones(len(distances.pictures_M))])
    values = np.concatenate([distances.films_N, distances.pictures_M])
    false_stops, stops, cuts = roc_curve(labels, values)
    chosen = np.unique(np.linspace(0, len(cuts) - 1, NUM_POINTS).round().astype(int))
    num_films_stopped = int((distances.films_N > threshold).sum())
    num_pictures_stopped = int((distances.pictures_M > threshold).sum())
    return {
        "pictures": description,
        "num_pictures": len(distances.pictures_M),
        "num_films": len(distances.films_N),
        "auc": roc_auc(labels, values),
        "pictures_stopped": num_pictures_stopped / len(distances.pictures_M),
        "pictures_stopped_ci": wilson_interval(num_pictures_stopped, len(distances.pictures_M)),
        "films_stopped": num_films_stopped / len(distances.films_N),
        "intervals": "95 %, Wilson, each picture for itself",
        "films_stopped_ci": wilson_interval(num_films_stopped, len(distances.films_N)),
        "curve": [
            {
                "distance": float(cuts[point]) if np.isfinite(cuts[point]) else None,
                "films_stopped": float(false_stops[point]),
                "pictures_stopped": float(stops[point]),
            }
            for point in chosen
        ],
    }


def _distances(desk: Desk, predictor: Predictor, candidates: list[Any]) -> np.ndarray:
    open_gate = Gate(**{**vars(predictor.gate), "threshold": np.inf})
    readings = read_all(desk, replace(predictor, gate=open_gate), candidates, check_films=False)
    read = (reading for reading in readings if isinstance(reading, FilmReading))
    return np.array([reading.gate_distance for reading in read if reading.gate_distance is not None])
