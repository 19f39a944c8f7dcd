"""Triage of many files: read, check, predict in batches while the next files decode, evaluate.

Shapes: B images of a batch, D embedding size, h and w cells of an activation map, H and W pixels.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

import numpy as np

from core.errors import RadiographError, UnreadableFileError
from core.evaluation.operating_point import OperatingPoint
from core.model.checkpoint import Checkpoint
from core.model.ensemble import Ensemble
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.film import Radiograph
from core.radiograph.film_checks import check_film, doubts_about
from core.radiograph.origin import UNKNOWN, Origin, origin_of
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from core.radiograph.shutter import Field
from core.reasons import Reason
from core.triage.gate import Gate
from core.triage.inference import Engine, EngineOutput
from core.triage.intake import Candidate, IntakeProblem
from core.triage.memory import keep_freed_memory
from core.triage.priority import PRIORITY_OF_FINDING, Priority, Status, explain
from core.triage.saliency import on_whole_film, positive_share, small_film
from core.triage.scope import AGE_OUT_OF_SCOPE, DOUBTFUL, explain_age, is_age_in_scope, notes_on
from core.triage.turning import TURN_IN_WORDS, needed_turns

BATCH_SIZE = 4
WINDOW = 16 * BATCH_SIZE
OUT_OF_SCOPE = "out_of_scope"
TURNED = "turned"
TURNED_SENTENCE = (
    "looks like a chest X-ray that {lies}: rotate it {turn} and add it again, or read it without the model"
)
LIES_IN_WORDS = {1: "lies on its side", 2: "stands on its head", 3: "lies on its side"}
"""By the quarter turns that would put it upright."""
DECODED_SIDE = 4.0
"""Shortest side of a decoded JPEG, in input sizes: a smaller one may move a probability by more than 0.01.

It is what the bundled model needs. Of six models that were tried all but one needed more than 2.5.
"""


@dataclass(frozen=True)
class FilmReading:
    """What one file was found to be; numbers are None unless it came as far as the model.

    `image_hash` names the image by its pixels, None for a blank one and where there are none.
    """

    file: str
    status: Status
    reason_code: str
    reasons: tuple[Reason | str, ...]
    priority: Priority
    file_hash: str | None = None
    probability: float | None = None
    logit: float | None = None
    gate_distance: float | None = None
    finding: str | None = None
    source_path: str | None = None
    source_member: str | None = None
    activation_map: list[list[float]] | None = None
    image_hash: str | None = None
    origin: Origin = UNKNOWN

    @property
    def reason(self) -> str:
        """All reasons in words."""
        return "; ".join(map(str, self.reasons))


@dataclass(frozen=True)
class FilmView:
    """What a reading was made from, for those who draw: the image's grey at drawing size and the activation map."""

    grey_HW: np.ndarray
    map_hw: np.ndarray


@dataclass(frozen=True)
class Predictor:
    """A model ready to analyse images: its engine, gate, calibration and operating point."""

    checkpoint: Checkpoint | Ensemble
    engine: Engine
    gate: Gate | None
    operating_point: OperatingPoint

    @property
    def image_size(self) -> int:
        """Side of the network's square input, in pixels."""
        return self.checkpoint.card.preprocessing.image_size


@dataclass(frozen=True)
class PreparedFilm:
    """An image ready for the network: its square image, and its grey at drawing size where it will be drawn on.

    `field` is the part of the image that the image shows, None for all of it; the grey shows the whole image.
    """

    candidate: Candidate
    file_hash: str
    image_HW: np.ndarray
    grey_HW: np.ndarray | None
    age_years: float | None = None
    is_age_in_scope: bool = True
    is_doubtful: bool = False
    notes: tuple[Reason | str, ...] = ()
    image_hash: str | None = None
    origin: Origin = UNKNOWN
    field: Field | None = None


@dataclass(frozen=True)
class KnownFilm:
    """An image that was read before, and the earlier reading."""

    candidate: Candidate
    file_hash: str
    reading_id: int
    origin: Origin = UNKNOWN


OnFilm = Callable[[FilmReading, FilmView], None]


def read_films(
    candidates: Iterable[Candidate | IntakeProblem],
    predictor: Predictor,
    *,
    num_threads: int,
    max_file_bytes: int,
    check_films: bool = True,
    on_film: OnFilm | None = None,
    known: Mapping[str, int] | None = None,
) -> Iterator[FilmReading | KnownFilm]:
    """Yield one reading for every candidate, in the order in which they are done; one bad file harms no other.

    An image whose hash is in `known` is not read but yielded with the id of its earlier reading. `check_films` may be
    off where every readable file is to be scored. `on_film` is called, in one of the reading threads, with every
    image that was read and what it was read from. Memory holds a few batches, however many candidates there are.
    """
    keep_freed_memory()
    # Leaving early (an error, or a reader who stops asking) must not wait for images nobody wants.
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="read")
    batches = _Batches(predictor, pool, on_film)
    keep_pixels = on_film is not None
    preparation = Preparation(predictor.image_size, max_file_bytes, check_films, keep_pixels, known)
    prepared = _prepared(candidates, pool, preparation)
    try:
        for outcome in prepared:
            if isinstance(outcome, PreparedFilm):
                batches.add(outcome)
                yield from batches.finished()
            else:
                yield outcome
        batches.close()
        yield from batches.finished()
        batches.finish_drawing()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Batches:
    """Images on their way through the engine; evaluated in the caller's thread, so that every error surfaces there."""

    def __init__(self, predictor: Predictor, pool: ThreadPoolExecutor, on_film: OnFilm | None) -> None:
        self._predictor = predictor
        self._pool = pool
        self._on_film = on_film
        self._waiting: list[PreparedFilm] = []
        self._done: SimpleQueue[tuple[list[PreparedFilm], EngineOutput]] = SimpleQueue()
        self._drawings: deque[Future[None]] = deque()

    def add(self, film: PreparedFilm) -> None:
        """Take an image, and send the batch off once it is full."""
        self._waiting.append(film)
        if len(self._waiting) == BATCH_SIZE:
            self._send()

    def close(self) -> None:
        """Send the last batch off and wait until the engine has answered for all."""
        if self._waiting:
            self._send()
        self._predictor.engine.finish()

    def finished(self) -> Iterator[FilmReading]:
        """Yield the readings of the batches that the engine has answered for."""
        while True:
            try:
                films, output = self._done.get_nowait()
            except Empty:
                break
            readings = judge(films, output, self._predictor)
            if self._on_film is not None:
                self._draw(self._on_film, films, output, readings)
            yield from readings

    def finish_drawing(self) -> None:
        """Wait for the last pictures; raises what drawing one raised."""
        while self._drawings:
            self._drawings.popleft().result()

    def _send(self) -> None:
        films, self._waiting = self._waiting, []
        images_B1HW = np.stack([film.image_HW for film in films])[:, None]
        self._predictor.engine.submit(images_B1HW, lambda output: self._done.put((films, output)))

    def _draw(
        self, on_film: OnFilm, films: list[PreparedFilm], output: EngineOutput, readings: list[FilmReading]
    ) -> None:
        for film, reading, map_hw in zip(films, readings, output.maps_Bhw, strict=True):
            if reading.status is Status.READ and film.grey_HW is not None:
                view = FilmView(film.grey_HW, on_whole_film(map_hw, film.field))
                self._drawings.append(self._pool.submit(on_film, reading, view))
        while len(self._drawings) > WINDOW or (self._drawings and self._drawings[0].done()):
            self._drawings.popleft().result()


@dataclass(frozen=True)
class Preparation:
    """From a file to the network's input."""

    image_size: int
    max_file_bytes: int
    check_films: bool
    keep_pixels: bool
    known: Mapping[str, int] | None = None

    def __call__(self, candidate: Candidate) -> PreparedFilm | FilmReading | KnownFilm:
        """Return the prepared image, the reading of one that cannot be read, or that it is known."""
        content, file_hash, origin = b"", None, UNKNOWN
        try:
            with typed_file_errors():
                content = candidate.read_bytes(self.max_file_bytes)
                file_hash = hashlib.sha256(content).hexdigest()
                origin = origin_of(content)
                if self.known and file_hash in self.known:
                    return KnownFilm(candidate, file_hash, self.known[file_hash], origin)
                return replace(self._prepared(candidate, content, file_hash), origin=origin)
        except RadiographError as error:
            is_unreadable = isinstance(error, UnreadableFileError)
            status = Status.FAILED if is_unreadable else Status.REJECTED
            reading = _not_read(candidate, status, error.reason, error.why, file_hash)
            is_image = not is_unreadable and error.reason != RejectionReason.BLANK
            return replace(reading, origin=origin, image_hash=self._hash_of_refused(content) if is_image else None)

    def _decoded(self, content: bytes, *, whatever_it_shows: bool = False) -> Radiograph:
        side = round(DECODED_SIDE * self.image_size)
        return read_radiograph(content, shortest_side=side, whatever_it_shows=whatever_it_shows)

    def _hash_of_refused(self, content: bytes) -> str | None:
        """Return the hash of an image that is not analysed, None where its pixels is not available."""
        try:
            with typed_file_errors():
                radiograph = self._decoded(content, whatever_it_shows=True)
                return hash_of_image(radiograph, radiograph.to_square(self.image_size))
        except RadiographError:
            return None

    def _prepared(self, candidate: Candidate, content: bytes, file_hash: str) -> PreparedFilm:
        radiograph = self._decoded(content)
        doubts = radiograph.doubts
        if self.check_films:
            check_film(radiograph)
            doubts = (*doubts, *doubts_about(radiograph))
        image_HW = radiograph.to_square(self.image_size)
        # As small as it will be drawn: an image waits here for its batch with dozens of others.
        grey_HW = small_film(radiograph.whole_HW) if self.keep_pixels else None
        age = radiograph.age_years
        is_in_scope = is_age_in_scope(age, radiograph.is_age_unclear)
        notes = notes_on(replace(radiograph, doubts=doubts))
        return PreparedFilm(
            candidate,
            file_hash,
            image_HW,
            grey_HW,
            age,
            is_in_scope,
            bool(doubts),
            notes,
            image_hash=hash_of_image(radiograph, image_HW),
            field=radiograph.field,
        )


def hash_of_image(radiograph: Radiograph, image_HW: np.ndarray) -> str:
    """Return a hash of an image's size and its grey as the network is given it, the same in whatever file it lies.

    Of the network's input in 256 levels, since hashing all pixels would take a tenth as long as decoding them.
    """
    digest = hashlib.sha256(f"{radiograph.width} {radiograph.height} ".encode())
    digest.update(np.rint(image_HW * 255).astype(np.uint8).tobytes())
    return digest.hexdigest()


def _prepared(
    candidates: Iterable[Candidate | IntakeProblem], pool: ThreadPoolExecutor, prepare: Preparation
) -> Iterator[PreparedFilm | FilmReading | KnownFilm]:
    """Yield candidates in their order, with a window of them being read ahead."""
    window: deque[Future[PreparedFilm | FilmReading | KnownFilm]] = deque()
    for candidate in candidates:
        if isinstance(candidate, IntakeProblem):
            yield FilmReading(candidate.name, Status.FAILED, str(candidate.reason), (candidate.why,), Priority.REVIEW)
            continue
        window.append(pool.submit(prepare, candidate))
        if len(window) >= WINDOW:
            yield window.popleft().result()
    while window:
        yield window.popleft().result()


def _not_read(
    candidate: Candidate,
    status: Status,
    code: str,
    why: Reason | str,
    file_hash: str | None,
    gate_distance: float | None = None,
) -> FilmReading:
    return FilmReading(
        candidate.name,
        status,
        str(code),
        (why,),
        Priority.REVIEW,
        file_hash,
        gate_distance=gate_distance,
        source_path=candidate.stored_path,
        source_member=candidate.member,
    )


def judge(films: list[PreparedFilm], output: EngineOutput, predictor: Predictor) -> list[FilmReading]:
    """Return the readings of one batch: gate first, then the calibrated probability and its band.

    The engine is asked once more, and waited for, where an image seems turned.
    """
    probabilities_B = predictor.checkpoint.card.calibration.apply(output.logits_B.astype(float))
    distances_B = predictor.gate.distances(output.embeddings_BD) if predictor.gate else [None] * len(films)
    turns_B = _needed_turns(films, output, predictor)
    # In double precision a rounded number is stored as 0.123, in single precision as 0.12300000339746475.
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
        sentence = TURNED_SENTENCE.format(lies=LIES_IN_WORDS[turn], turn=TURN_IN_WORDS[turn])
        return _not_read(film.candidate, Status.REJECTED, TURNED, sentence, film.file_hash, float(distance))
    if distance > gate.threshold:
        sentence = (
            f"does not look like the frontal chest images this model was trained on (distance {distance:.2f}, "
            f"limit {gate.threshold:.2f}): check the picture, or read it without the model"
        )
        return _not_read(film.candidate, Status.REJECTED, OUT_OF_SCOPE, sentence, film.file_hash, float(distance))
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
        activation_map=map_hw.tolist(),
    )
