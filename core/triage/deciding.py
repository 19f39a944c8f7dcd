"""From the engine's output to readings: gate first, then the calibrated probability and its band.

Shapes: B images of a batch, D embedding size, h and w cells of an activation map.
"""

from dataclasses import replace

import numpy as np

from core.evaluation.operating_point import OperatingPoint
from core.reasons import NotRecognised, Turned
from core.triage.film_reading import FilmReading, not_read
from core.triage.inference import EngineOutput
from core.triage.predictor import Predictor
from core.triage.preparation import PreparedFilm
from core.triage.priority import PRIORITY_OF_FINDING, Status, explain
from core.triage.saliency import on_whole_film, pack_map, positive_share
from core.triage.scope import AGE_OUT_OF_SCOPE, DOUBTFUL, explain_age
from core.triage.turning import needed_turns

OUT_OF_SCOPE = "out_of_scope"
TURNED = "turned"


def judge(films: list[PreparedFilm], output: EngineOutput, predictor: Predictor) -> list[FilmReading]:
    """Return the readings of one batch: gate first, then the calibrated probability and its band.

    The engine is asked once more, and waited for, where an image seems turned.
    """
    probabilities_B = predictor.checkpoint.card.calibration.apply(output.logits_B.astype(float))
    distances_B = predictor.gate.distances(output.embeddings_BD) if predictor.gate else [None] * len(films)
    turns_B = _needed_turns(films, output, predictor)
    maps_Bhw = np.round(positive_share(output.maps_Bhw).astype(float), 3)
    readings = [
        _stopped(film, distance, int(turn), predictor)
        or _judge_one(
            film,
            float(logit),
            float(probability),
            distance,
            on_whole_film(map_hw, film.field),
            predictor.operating_point,
        )
        for film, logit, probability, distance, turn, map_hw in zip(
            films, output.logits_B, probabilities_B, distances_B, turns_B, maps_Bhw, strict=True
        )
    ]
    pairs = zip(films, readings, strict=True)
    return [replace(reading, image_hash=film.image_hash, origin=film.origin) for film, reading in pairs]


def _needed_turns(films: list[PreparedFilm], output: EngineOutput, predictor: Predictor) -> np.ndarray:
    if predictor.gate is None:
        return np.zeros(len(films), dtype=int)
    return needed_turns([film.image_HW for film in films], output.embeddings_BD, predictor.gate, predictor.engine)


def _stopped(film: PreparedFilm, distance: float | None, turn: int, predictor: Predictor) -> FilmReading | None:
    """Return the reading of an image that the gate stops, None for one that passes."""
    # A stated age settles the scope: such an image is read with that reason, however near or far its look is.
    gate = predictor.gate
    if gate is None or distance is None or not film.is_age_in_scope:
        return None
    # The truer reason goes first: nearly all turned images look foreign too.
    if turn:
        return not_read(film.candidate, Status.REJECTED, TURNED, Turned(turn), film.file_hash, float(distance))
    if distance > gate.threshold:
        why = NotRecognised(float(distance), float(gate.threshold))
        return not_read(film.candidate, Status.REJECTED, OUT_OF_SCOPE, why, film.file_hash, float(distance))
    return None


def _judge_one(
    film: PreparedFilm,
    logit: float,
    probability: float,
    distance: float | None,
    map_hw: np.ndarray,
    point: OperatingPoint,
) -> FilmReading:
    finding = point.finding(probability)
    code, reason = finding, explain(probability, finding, point)
    if not film.is_age_in_scope:
        finding, code, reason = "uncertain", AGE_OUT_OF_SCOPE, explain_age(film.age_years, probability)
    elif film.is_doubtful:
        finding, code = "uncertain", DOUBTFUL
    return FilmReading(
        file=film.candidate.name,
        status=Status.READ,
        reason_code=code,
        reasons=(reason, *film.notes),
        priority=PRIORITY_OF_FINDING[finding],
        file_hash=film.file_hash,
        probability=probability,
        logit=logit,
        gate_distance=None if distance is None else float(distance),
        finding=finding,
        source_path=film.candidate.stored_path,
        source_member=film.candidate.member,
        activation_map=pack_map(map_hw),
    )
