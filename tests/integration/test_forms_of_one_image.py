"""One radiograph in some 150 DICOM and 130 picture forms: each gives the PNG's probability or a refusal foreseen."""

import hashlib
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import RadiographError, UnreadableFileError
from core.radiograph.identifiers import without_identifiers
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from core.services.desk import Desk, open_desk
from core.services.models.loading import load_predictor
from core.settings import AppSettings
from core.triage.film_reading import FilmReading
from core.triage.intake import Candidate
from core.triage.pipeline import read_films
from core.triage.predictor import Predictor
from core.triage.preparation import Preparation
from core.triage.priority import Status
from tests.conftest import ROOT
from tests.forms_of_one_image import MAY_BE_REFUSED, dicom_forms, picture_forms

NEAR = 0.02
MOST_REFUSED = 0.15
NUM_MUTATIONS = int(os.environ.get("PNEUMODESK_MUTATIONS", "500"))
LONGEST_SECONDS = 5


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """The bundled model without its gate, which has its own tests and might stop a drawn image."""
    desk: Desk = open_desk(AppSettings(home=tmp_path_factory.mktemp("home")))
    return replace(load_predictor(desk, "starter"), gate=None)


@pytest.fixture(scope="module")
def film_HW() -> np.ndarray:
    """A real radiograph where there are some, else a drawn one."""
    folder = Path(os.environ.get("PNEUMODESK_TEST_DATA") or ROOT.parent / "shared" / "data") / "originals" / "NORMAL"
    if not folder.is_dir():
        return synthesise_phantom(7, size=384)
    image = Image.open(sorted(folder.iterdir())[0]).convert("L")
    image.thumbnail((480, 480))
    return np.asarray(image)


def read_all(contents: list[tuple[str, bytes]], folder: Path, predictor: Predictor) -> dict[str, FilmReading]:
    candidates = []
    for number, (name, content) in enumerate(contents):
        path = folder / str(number)
        path.write_bytes(content)
        candidates.append(Candidate(name, path))
    readings = read_films(candidates, predictor, num_threads=2, max_file_bytes=10**8)
    return {reading.file: reading for reading in readings}


@pytest.mark.parametrize(("forms", "fewest"), [(dicom_forms, 150), (picture_forms, 130)])
def test_every_form_gives_the_same_probability_or_a_refusal_foreseen(
    forms, fewest: int, film_HW: np.ndarray, tmp_path: Path, predictor: Predictor
) -> None:
    """No form moves the probability by over 0.02, and only those on the list are refused, for the reason on it."""
    contents = list(forms(film_HW))
    names = [name for name, _ in contents]
    assert len(set(names)) == len(names) >= fewest
    (reference,) = [content for name, content in picture_forms(film_HW) if name == "picture PNG 1 L"]
    readings = read_all([("reference", reference), *contents], tmp_path, predictor)
    expected = readings["reference"].probability
    refused = {name: MAY_BE_REFUSED[name][0] for name in names if name in MAY_BE_REFUSED}
    assert len(refused) <= MOST_REFUSED * len(names)
    wrong = {
        name: (readings[name].reason_code, readings[name].probability)
        for name in names
        if (
            readings[name].reason_code != refused[name]
            if name in refused
            else readings[name].probability is None or abs(readings[name].probability - expected) > NEAR
        )
    }
    assert not wrong, (expected, wrong)


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Return a file with some bytes changed, a piece cut out, doubled or zeroed, or its end missing."""
    damaged, place = bytearray(content), int(draw.integers(len(content)))
    end = place + int(draw.integers(1, 200))
    match int(draw.integers(5)):
        case 0:
            for at in draw.integers(min(len(content), 2000), size=int(draw.integers(1, 9))):
                damaged[at] = int(draw.integers(256))
        case 1:
            del damaged[place:end]
        case 2:
            damaged[place:place] = damaged[place:end]
        case 3:
            damaged[place:end] = bytes(len(damaged[place:end]))
        case _:
            del damaged[place:]
    return bytes(damaged)


@pytest.fixture
def slowest(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The most seconds of its thread's own work that preparing one file took."""
    prepare, longest = Preparation.__call__, [0.0]

    def timed(self: Preparation, candidate: Candidate) -> object:
        started = time.thread_time()
        try:
            return prepare(self, candidate)
        finally:
            longest[0] = max(longest[0], time.thread_time() - started)

    monkeypatch.setattr(Preparation, "__call__", timed)
    return longest


def test_no_mutated_file_harms_a_batch(
    tmp_path: Path, predictor: Predictor, caplog: pytest.LogCaptureFixture, slowest: list[float]
) -> None:
    """Every damaged file has its row, sound files among them are read, none takes over 5 s, and none is unforeseen."""
    film_HW = synthesise_phantom(7, size=128)
    sources = [content for forms in (dicom_forms, picture_forms) for _, content in forms(film_HW)]
    draw = np.random.default_rng(20_26)
    contents = [(f"mutated {number}", mutated(sources[number % len(sources)], draw)) for number in range(NUM_MUTATIONS)]
    sound = [(f"sound {number}", dict(picture_forms(film_HW))["picture PNG 1 L"]) for number in range(3)]
    with caplog.at_level(logging.ERROR, logger="core.radiograph.file_errors"):
        readings = read_all([*contents[::2], *sound, *contents[1::2]], tmp_path, predictor)
    assert 0 < slowest[0] < LONGEST_SECONDS
    assert len(readings) == NUM_MUTATIONS + len(sound)
    assert all(readings[name].status is Status.READ for name, _ in sound)
    unforeseen = [reading.reason for reading in readings.values() if reading.reason_code == "unexpected_error"]
    assert not unforeseen


def test_no_mutated_file_breaks_cleaning() -> None:
    """No damaged file that is sent is kept as another image than it reads as, and none is refused unforeseen.

    What reading refuses for its header may be readable once that is rewritten.
    """
    film_HW = synthesise_phantom(7, size=96)
    sources = [content for forms in (dicom_forms, picture_forms) for _, content in forms(film_HW)]
    draw = np.random.default_rng(20_27)
    wrong = []
    for number in range(NUM_MUTATIONS // 2):
        content = mutated(sources[number % len(sources)], draw)
        try:
            plain = without_identifiers(content)
        except UnreadableFileError as error:
            if error.reason == "unexpected_error":
                wrong.append((number, error.sentence))
            continue
        before, after = (said_of(each) for each in (content, plain))
        if before != after and before not in set(RejectionReason):
            wrong.append((number, f"{before} became {after}"))
    assert not wrong


def said_of(content: bytes) -> str:
    """What reading finds: the reason of a refusal, or the image's greys."""
    try:
        return hashlib.sha256(read_radiograph(content).pixels_HW.tobytes()).hexdigest()
    except RadiographError as error:
        return str(error.reason)
