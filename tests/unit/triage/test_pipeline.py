"""Every candidate gets one reading, whatever it is, and one bad file harms no other."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.evaluation.calibration import PlattScaling
from core.evaluation.operating_point import OperatingPoint
from core.model.card import ModelCard
from core.model.catalogue import Architecture
from core.model.checkpoint import Checkpoint
from core.model.loading import default_preprocessing
from core.radiograph.film import Radiograph
from core.reason_words import REASON_WORDS
from core.reasons import ArchiveOverlaps, MayShowText, store
from core.triage import preparation
from core.triage.film_reading import FilmReading, FilmView
from core.triage.gate import Gate
from core.triage.inference import EngineOutput
from core.triage.intake import Candidate, IntakeProblem, gather, place_of
from core.triage.pipeline import BATCH_SIZE, read_films
from core.triage.predictor import Predictor
from core.triage.priority import Priority, Status
from core.triage.saliency import unpack_map
from core.triage.scope import AGE_OUT_OF_SCOPE, DOUBTFUL
from tests.dicom_files import dicom_of
from tests.forms_of_one_image import MAY_BE_REFUSED, dicom_forms, picture_forms
from tests.hostile_files import write_hostile_files

SIZE = 32
POINT = OperatingPoint(
    name="test", threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, rule="by hand", chosen_on="nothing"
)


class BrightnessEngine:
    """Answers late, as an engine does: the logit rises with an image's mean brightness."""

    name = "brightness"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self._late: list[tuple[np.ndarray, Callable[[EngineOutput], None]]] = []

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[[EngineOutput], None]) -> None:
        self.batches.append(len(images_B1HW))
        self._late.append((images_B1HW, deliver))
        if len(self._late) > 2:
            self._answer()

    def finish(self) -> None:
        while self._late:
            self._answer()

    def _answer(self) -> None:
        images_B1HW, deliver = self._late.pop(0)
        logits_B = 20 * (images_B1HW.mean(axis=(1, 2, 3)) - 0.5)
        deliver(EngineOutput(logits_B, np.stack([logits_B, np.ones_like(logits_B)], 1), images_B1HW[:, 0, ::8, ::8]))


def predictor(gate: Gate | None = None) -> Predictor:
    card = ModelCard(
        name="test",
        architecture=Architecture.RESNET18,
        preprocessing=default_preprocessing(Architecture.RESNET18, SIZE),
        calibration=PlattScaling(slope=1.0, intercept=0.0),
    )
    return Predictor(Checkpoint(card, {}, {}), BrightnessEngine(), gate, POINT)


def film(folder: Path, name: str, brightness: float) -> Candidate:
    """A smooth ramp of a given mean brightness, which no image check refuses."""
    ramp_HW = np.tile(np.linspace(brightness - 0.2, brightness + 0.2, 80), (80, 1))
    Image.fromarray((ramp_HW * 255).round().astype(np.uint8)).save(folder / name)
    return Candidate(name, folder / name)


def read(candidates: list, **options: object) -> dict[str, FilmReading]:
    options = {"num_threads": 2, "max_file_bytes": 10**7, **options}
    chosen = options.pop("predictor", None) or predictor()
    return {reading.file: reading for reading in read_films(candidates, chosen, **options)}


def bad_files(folder: Path) -> list[Path]:
    """One file of each kind that cannot be analysed: damaged, hostile, or out of scope."""
    film_HW = np.tile(np.linspace(50, 200, 80), (80, 1)).round().astype(np.uint8)
    for row in write_hostile_files(folder / "hostile", film_HW):
        if row.status == "read" and (folder / "hostile" / row.name).is_file():
            (folder / "hostile" / row.name).unlink()
    (folder / "forms").mkdir()
    for name, content in [*dicom_forms(film_HW), *picture_forms(film_HW)]:
        if name in MAY_BE_REFUSED:
            (folder / "forms" / name).write_bytes(content)
    (folder / "forms" / "gone.png").symlink_to(folder / "nowhere.png")
    Path(os.fsdecode(os.fsencode(folder / "forms") + b"/r\xf6ntgen.png")).write_bytes(b"no UTF-8 in its name")
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def test_each_bad_file_in_the_middle_of_a_hundred_leaves_99_good_rows(tmp_path: Path) -> None:
    """Whatever one file of a batch is, it has a row of its own that is not read, and the 99 others are read."""
    batch = tmp_path / "batch"
    batch.mkdir()
    for number in range(99):
        film(batch, f"{'a' if number < 50 else 'z'}{number}.png", 0.3)
    places = bad_files(tmp_path / "bad")
    assert len(places) >= 30
    for place in places:
        middle = batch / place.name
        place.rename(middle)
        readings = read(list(gather([batch], max_file_bytes=10**7, max_archive_bytes=10**8)))
        good = [reading for name, reading in readings.items() if name[0] in "az" and "/" not in name]
        good = [reading for reading in good if Path(reading.file).name != place.name]
        assert len(good) == 99 and {reading.status for reading in good} == {Status.READ}, place.name
        assert len(readings) >= 100, place.name
        middle.unlink()


def test_each_refusal_is_stored_as_a_code_with_values(tmp_path: Path) -> None:
    """No bad file leaves a finished sentence: each reason has a code with words, and survives JSON."""
    bad_files(tmp_path / "bad")
    readings = read(list(gather([tmp_path / "bad"], max_file_bytes=10**7, max_archive_bytes=10**8)))
    refused = [reading for reading in readings.values() if reading.status is not Status.READ]
    assert len(refused) >= 30
    for reading in refused:
        kept = json.loads(json.dumps(store(reading.reasons)))
        assert kept == store(reading.reasons), reading.file
        assert kept and all(reason["code"] in set(REASON_WORDS) - {"said"} for reason in kept), reading


def test_bands_follow_the_probability(tmp_path: Path) -> None:
    """Bright is urgent, middling is for review, dark is routine, and each says why."""
    readings = read(
        [film(tmp_path, "bright.png", 0.7), film(tmp_path, "mid.png", 0.5), film(tmp_path, "dark.png", 0.3)]
    )
    assert [readings[f"{name}.png"].priority for name in ("bright", "mid", "dark")] == [
        Priority.URGENT,
        Priority.REVIEW,
        Priority.ROUTINE,
    ]
    assert readings["bright.png"].probability == pytest.approx(1 / (1 + np.exp(-4)), abs=0.01)
    assert readings["mid.png"].finding == "uncertain" and "human must decide" in readings["mid.png"].reason
    assert "does not exclude" in readings["dark.png"].reason


def test_bad_files_harm_no_other(tmp_path: Path) -> None:
    """Broken files and intake problems get their own rows for review; the images among them are read."""
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("L", (80, 80), 128).save(tmp_path / "blank.png")
    candidates = [
        IntakeProblem("bad.zip", "archive_unsafe", ArchiveOverlaps()),
        film(tmp_path, "one.png", 0.7),
        Candidate("text.jpg", tmp_path / "text.jpg"),
        Candidate("gone.png", tmp_path / "gone.png"),
        Candidate("blank.png", tmp_path / "blank.png"),
        film(tmp_path, "two.png", 0.3),
    ]
    readings = read(candidates)
    assert {name: reading.status for name, reading in readings.items()} == {
        "bad.zip": Status.FAILED,
        "one.png": Status.READ,
        "text.jpg": Status.FAILED,
        "gone.png": Status.FAILED,
        "blank.png": Status.REJECTED,
        "two.png": Status.READ,
    }
    not_read = [reading for reading in readings.values() if reading.status is not Status.READ]
    assert all(reading.priority is Priority.REVIEW and reading.reason for reading in not_read)
    assert all(reading.probability is None and reading.finding is None for reading in not_read)


def test_an_error_nobody_foresaw_costs_one_row_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred files one raises what no list names, reading or resizing: it fails, the 99 others are read."""

    class StrangeError(Exception):
        pass

    def check(radiograph: Radiograph) -> None:
        if radiograph.width == 81:
            raise StrangeError

    monkeypatch.setattr(preparation, "check_film", check)
    candidates = [film(tmp_path, f"{number}.png", 0.5) for number in range(100)]
    Image.new("L", (81, 80), 128).save(candidates[50].path)
    readings = read(candidates)
    assert len(readings) == 100
    assert [name for name, reading in readings.items() if reading.status is not Status.READ] == ["50.png"]
    assert readings["50.png"].status is Status.FAILED
    assert readings["50.png"].reason_code == "unexpected_error"


def test_a_name_that_is_no_text_is_read_and_found_again(tmp_path: Path) -> None:
    """A file named in Latin-1 is read; its place is kept as plain text that leads back to it."""
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xf6ntgen 100%.png"))
    os.rename(film(tmp_path, "plain.png", 0.5).path, place)  # noqa: PTH104
    (reading,) = read([Candidate("name", place)]).values()
    assert reading.status is Status.READ
    assert reading.source_path.encode().endswith(b"/r%F6ntgen%20100%25.png")
    assert place_of(reading.source_path) == place
    assert place_of(str(tmp_path / "50%41.png")).name == "50%41.png"


def test_films_go_through_in_batches_and_none_is_lost(tmp_path: Path) -> None:
    """Many images give as many readings, in full batches but for the last."""
    count = 5 * BATCH_SIZE + 3
    one = film(tmp_path, "film.png", 0.6)
    chosen = predictor()
    readings = read([Candidate(f"{number}.png", one.path) for number in range(count)], predictor=chosen)
    assert len(readings) == count
    assert chosen.engine.batches == [BATCH_SIZE] * 5 + [3]


def test_the_gate_stops_what_lies_outside(tmp_path: Path) -> None:
    """An image beyond the gate's limit is rejected as out of scope, for review, with its distance and no
    probability.
    """
    strict = Gate(np.zeros(2), np.eye(2), np.eye(2), 1.0, threshold=0.0)
    reading = read([film(tmp_path, "film.png", 0.6)], predictor=predictor(strict))["film.png"]
    assert (reading.status, reading.reason_code) == (Status.REJECTED, "out_of_scope")
    assert reading.priority is Priority.REVIEW
    assert reading.probability is None and reading.gate_distance > 0


def test_a_cropped_film_says_so_and_its_map_lies_on_the_whole_film(tmp_path: Path) -> None:
    """The model is given what the border leaves open; note and map tell readers of the whole image what that was."""
    plain = film(tmp_path, "plain.png", 0.6)
    inner_HW = np.asarray(Image.open(plain.path))
    Image.fromarray(np.pad(inner_HW, 20)).save(tmp_path / "border.png")
    drawn = {}
    candidates = [plain, Candidate("border.png", tmp_path / "border.png")]
    readings = read(candidates, on_film=lambda reading, view: drawn.update({reading.file: view}))
    whole, border = readings["plain.png"], readings["border.png"]
    assert border.probability == pytest.approx(whole.probability, abs=1e-6)
    assert "cropped before analysis" in border.reason and "cropped" not in whole.reason
    map_hw = unpack_map(border.activation_map)
    assert map_hw.shape == (28, 28) and unpack_map(whole.activation_map).shape == (4, 4)
    # 20 of 120 pixels at each side: 4.67 of 28 cells.
    assert not map_hw[:4].any() and not map_hw[:, -4:].any() and map_hw[5:23, 5:23].all()
    assert drawn["border.png"].grey_HW.shape == (120, 120)
    assert np.array_equal(drawn["border.png"].map_hw > 0, map_hw > 0)


def test_the_picture_of_a_viewer_is_read_and_put_under_review(tmp_path: Path) -> None:
    """Bars of one grey make it doubtful, and the reason says why."""
    screen_HW = np.asarray(Image.open(film(tmp_path, "film.png", 0.7).path)).copy()
    screen_HW[34:46] = 40
    Image.fromarray(screen_HW).save(tmp_path / "film.png")
    reading = read([Candidate("film.png", tmp_path / "film.png")])["film.png"]
    assert (reading.status, reading.reason_code, reading.finding) == (Status.READ, DOUBTFUL, "uncertain")
    assert "viewer" in reading.reason


def test_film_checks_can_be_left_out(tmp_path: Path) -> None:
    """Without image checks every readable picture is scored."""
    Image.new("L", (80, 80), 128).save(tmp_path / "blank.png")
    reading = read([Candidate("blank.png", tmp_path / "blank.png")], check_films=False)["blank.png"]
    assert reading.status is Status.READ


def test_drawers_see_every_read_film(tmp_path: Path) -> None:
    """Who draws is handed each analysed image with its pixels and its own map, and no rejected one."""
    Image.new("L", (80, 80), 128).save(tmp_path / "blank.png")
    seen: dict[str, FilmView] = {}
    candidates = [film(tmp_path, f"{number}.png", 0.3 + number / 100) for number in range(20)]
    read(
        [*candidates, Candidate("blank.png", tmp_path / "blank.png")],
        on_film=lambda reading, view: seen.update({reading.file: view}),
    )
    assert set(seen) == {f"{number}.png" for number in range(20)}
    assert seen["0.png"].grey_HW.shape == (80, 80)
    assert seen["19.png"].map_hw.mean() > seen["0.png"].map_hw.mean()


def test_an_error_while_drawing_reaches_the_caller(tmp_path: Path) -> None:
    """A drawer that fails, as on a full disk, is not passed over."""

    def fail(reading: FilmReading, view: FilmView) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        read([film(tmp_path, "film.png", 0.6)], on_film=fail)


def test_a_file_above_the_limit_is_not_opened(tmp_path: Path) -> None:
    """A file larger than the limit fails with the reason."""
    reading = read([film(tmp_path, "film.png", 0.6)], max_file_bytes=10)["film.png"]
    assert (reading.status, reading.reason_code) == (Status.FAILED, "file_too_large")


def test_a_file_that_contradicts_itself_is_read_and_put_under_review(tmp_path: Path) -> None:
    """A bright image whose file leaves doubt which way round it is has its probability, a reason and no flag."""
    ramp_HW = (np.tile(np.linspace(0.5, 0.9, 80), (80, 1)) * 255).round().astype(np.uint8)
    kinds = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "IDENTITY"}
    (tmp_path / "film").write_bytes(dicom_of(ramp_HW, **kinds))
    reading = read([Candidate("film", tmp_path / "film")])["film"]
    assert (reading.status, reading.reason_code, reading.priority) == (Status.READ, DOUBTFUL, Priority.REVIEW)
    assert reading.probability is not None and "contradicts itself" in reading.reason


def test_an_age_the_model_was_not_made_for_is_read_but_needs_a_human(tmp_path: Path) -> None:
    """An adult's bright image has its probability, yet is under review with a reason of its own; a child's does not.

    A file that leaves open whether writing is burned in says so in either case.
    """
    ramp_HW = (np.tile(np.linspace(0.5, 0.9, 80), (80, 1)) * 255).round().astype(np.uint8)
    for name, age in (("adult", "046Y"), ("child", "003Y"), ("unclear", "3")):
        (tmp_path / name).write_bytes(dicom_of(ramp_HW, PatientAge=age, BurnedInAnnotation=None))
    readings = read([Candidate(name, tmp_path / name) for name in ("adult", "child", "unclear")])
    adult, child, unclear = readings["adult"], readings["child"], readings["unclear"]
    assert adult.probability == child.probability > 0.9
    assert (adult.status, adult.reason_code, adult.priority) == (Status.READ, AGE_OUT_OF_SCOPE, Priority.REVIEW)
    assert (child.finding, child.priority) == ("pneumonia", Priority.URGENT)
    assert (unclear.reason_code, unclear.priority) == (AGE_OUT_OF_SCOPE, Priority.REVIEW)
    assert "46 years" in adult.reason
    assert all(MayShowText() in reading.reasons for reading in (adult, child))
