"""What a model's gate and the checks before it stop or put under review, kind by kind, and what of real images."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from core.errors import EvaluationError, RadiographError
from core.evaluation.proportions import wilson_interval
from core.evaluation.ranking import roc_auc
from core.language import mark, tr
from core.progress import OnCount, OnProgress, counted, tell_nobody
from core.radiograph.reading import read_radiograph
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.evaluation.altered_films import ALTERED
from core.services.evaluation.film_selection import FilmChoice, chosen_films
from core.services.evaluation.measurements import MeasurementKind, ModelMeasured, keep_measurement
from core.services.evaluation.non_film_images import drawn_pictures, other_modalities
from core.services.films.reachable import files_below
from core.services.models.loading import load_predictor
from core.services.models.reading import read_all
from core.triage.deciding import OUT_OF_SCOPE, TURNED
from core.triage.film_reading import FilmReading
from core.triage.intake import Candidate, IntakeProblem
from core.triage.predictor import Predictor
from core.triage.priority import Status
from core.triage.scope import DOUBTFUL

NUM_DRAWN = 90
TURNS = {"turned by 90°": 90, "turned by 180°": 180, "turned by 270°": 270}
PHOTOGRAPHS = "photographs"
INVERTED, FILMS, ELSEWHERE = "inverted images", "films", "images of another hospital"
APART = (INVERTED, FILMS, ELSEWHERE, *ALTERED)
BY_THE_LOOK = (OUT_OF_SCOPE, TURNED)


class KindResult(BaseModel):
    """How many pictures of one kind are stopped before any probability is given."""

    model_config = ConfigDict(frozen=True)

    num_pictures: int
    num_stopped: int
    num_stopped_by_gate: int = Field(
        description=mark("Of these, by how they look to the network; the others by the file checks.")
    )
    num_turned: int = Field(0, description=mark("Of those stopped by the gate, as turned."))
    num_reviewed: int = Field(
        0, description=mark("Of those read, put under review since something about them is doubtful.")
    )
    num_changed: int | None = Field(
        None,
        description=mark(
            "Of those read and not put under review: how many have another finding than the image they were made "
            "from; none where they were made from no image."
        ),
    )
    stopped: float
    stopped_ci: tuple[float, float] = Field(description=mark("95 % interval, Wilson, each picture for itself."))


class GateByKind(ModelMeasured):
    """What is stopped of every kind; inverted images and upright images count apart."""

    threshold: float
    auc: float | None = Field(description=mark("Of the distance: other pictures that reach the gate against images."))
    other_pictures: KindResult
    kinds: dict[str, KindResult]


def measure_gate_by_kind(
    desk: Desk,
    choice: FilmChoice,
    num_films: int = 100,
    elsewhere: Path | None = None,
    photographs: Path | None = None,
    on_progress: OnProgress = tell_nobody,
) -> GateByKind:
    """Measure a gate on pictures of many kinds, on images turned, inverted and altered, and on a split's images.

    At most `num_films` images, evenly from the split, are turned, inverted, and altered as `ALTERED` says; all of it
    count as images. `elsewhere` is a folder of upright images of another hospital,
    `photographs` one of pictures that are no chest images. No label is looked at, so this opens
    no split. The result is kept.
    Raises EvaluationError if the model has no gate, or pictures or images are missing.
    """
    predictor = load_predictor(desk, choice.model)
    if predictor.gate is None:
        raise EvaluationError(tr("The model {name} has no gate to measure.", name=predictor.checkpoint.card.name))
    cohort = indexing.index(desk, choice.data)
    films = [cohort.root / file for file in chosen_films(desk, cohort, choice)]
    with tempfile.TemporaryDirectory() as folder:
        sources = {**_write_pictures(Path(folder), films, num_films), FILMS: films}
        if elsewhere is not None:
            sources[ELSEWHERE] = _pictures_below(desk, elsewhere)
        if photographs is not None:
            sources[PHOTOGRAPHS] = _pictures_below(desk, photographs)
        readings = {kind: _read(desk, predictor, paths, counted(kind, on_progress)) for kind, paths in sources.items()}
    findings = {str(place): reading.finding for place, reading in enumerate(_in_order(readings[FILMS], films))}
    others = [reading for kind, found in readings.items() if kind not in APART for reading in found]
    result = GateByKind(
        model=predictor.checkpoint.card.name,
        checkpoint_hash=predictor.checkpoint.hash,
        cohort_fingerprint=cohort.fingerprint,
        split=choice.split,
        engine=predictor.engine.name,
        threshold=predictor.gate.threshold,
        auc=_auc(readings[FILMS], others),
        other_pictures=count_stopped(others),
        kinds={kind: count_stopped(found, findings if kind in ALTERED else None) for kind, found in readings.items()},
    )
    keep_measurement(desk, MeasurementKind.GATE, result)
    return result


def count_stopped(readings: Iterable[FilmReading], findings: Mapping[str, str | None] | None = None) -> KindResult:
    """Return how many of these were given no probability; raises EvaluationError if there are none.

    `findings` has the finding of each image as it is, by the stem of the name of what was made from it.
    """
    readings = list(readings)
    if not readings:
        raise EvaluationError(tr("A gate is measured on at least one picture of each kind."))
    read = [reading for reading in readings if reading.status is Status.READ]
    unnoticed = [reading for reading in read if reading.reason_code != DOUBTFUL]
    changed = [reading for reading in unnoticed if findings and reading.finding != findings[Path(reading.file).stem]]
    num_stopped = sum(reading.status is not Status.READ for reading in readings)
    return KindResult(
        num_pictures=len(readings),
        num_stopped=num_stopped,
        num_stopped_by_gate=sum(reading.reason_code in BY_THE_LOOK for reading in readings),
        num_turned=sum(reading.reason_code == TURNED for reading in readings),
        num_reviewed=len(read) - len(unnoticed),
        num_changed=None if findings is None else len(changed),
        stopped=num_stopped / len(readings),
        stopped_ci=wilson_interval(num_stopped, len(readings)) or (0.0, 1.0),
    )


def _write_pictures(folder: Path, films: list[Path], num_films: int) -> dict[str, list[Path]]:
    sources = {"other DICOM files": other_modalities()}
    kept = [*TURNS, INVERTED, *ALTERED, "text", "chart", "noise"]
    for kind in kept:
        (folder / kind).mkdir()
        sources[kind] = []
    for name, picture in drawn_pictures(NUM_DRAWN):
        _keep(picture, folder / name.partition("-")[0] / f"{name}.png", sources[name.partition("-")[0]])
    chosen = np.unique(np.linspace(0, len(films) - 1, min(num_films, len(films))).round().astype(int))
    for number in chosen:
        try:
            radiograph = read_radiograph(films[number])
        except RadiographError:
            continue
        grey_HW = np.rint(radiograph.whole_HW * np.float32(255 / radiograph.white)).astype(np.uint8)
        film = Image.fromarray(grey_HW)
        for kind, degrees in TURNS.items():
            _keep(film.rotate(degrees, expand=True), folder / kind / f"{number}.png", sources[kind])
        _keep(Image.fromarray(255 - grey_HW), folder / INVERTED / f"{number}.png", sources[INVERTED])
        for kind, alter in ALTERED.items():
            altered = Image.fromarray(np.ascontiguousarray(alter(grey_HW, np.random.default_rng(int(number)))))
            _keep(altered, folder / kind / f"{number}.png", sources[kind])
    return sources


def _pictures_below(desk: Desk, folder: Path) -> list[Path]:
    return [candidate.path for candidate in files_below(desk, [folder]) if not isinstance(candidate, IntakeProblem)]


def _in_order(readings: list[FilmReading], films: list[Path]) -> list[FilmReading]:
    by_file = {reading.file: reading for reading in readings}
    return [by_file[str(film)] for film in films]


def _keep(picture: Image.Image, path: Path, kept: list[Path]) -> None:
    picture.save(path, compress_level=1)
    kept.append(path)


def _read(desk: Desk, predictor: Predictor, paths: list[Path], on_count: OnCount) -> list[FilmReading]:
    readings = []
    for reading in read_all(desk, predictor, [Candidate(str(path), path) for path in paths]):
        readings.append(reading)
        on_count(len(readings), len(paths))
    return readings


def _auc(films: list[FilmReading], others: list[FilmReading]) -> float | None:
    """Return the AUC of the distance; pictures that the file checks stopped never came to the gate."""
    pairs = [(label, reading.gate_distance) for label, found in ((0, films), (1, others)) for reading in found]
    known = [(label, distance) for label, distance in pairs if distance is not None]
    labels = np.array([label for label, _ in known])
    return roc_auc(labels, np.array([distance for _, distance in known])) if len(set(labels)) == 2 else None
