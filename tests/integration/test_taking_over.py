"""An image that this model version has analysed before is not read again, and everything done with images is in the
trail.
"""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from core.errors import CheckpointError
from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk, open_desk
from core.services.desk.audit_trail import list_events
from core.services.models.loading import load_predictor
from core.services.triage.batch_reading import TriageRequest, create_batch, run_triage, work_on_batch
from core.services.triage.batch_results import describe_batch
from core.services.triage.reading_reuse import count_taken_over
from core.services.worklist.batch_list import ranked_readings
from core.services.worklist.reading_detail import get_reading
from core.services.worklist.studies import load_studies
from core.settings import AppSettings
from core.triage.inference import Engine
from core.triage.predictor import Predictor
from db import models as tables
from tests.hostile_files import encoded


class CountingEngine:
    """Passes images on to an engine and counts them."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.num_films = engine.name, 0
        self._engine = engine

    def submit(self, images_B1HW, deliver) -> None:
        self.num_films += len(images_B1HW)
        self._engine.submit(images_B1HW, deliver)

    def finish(self) -> None:
        self._engine.finish()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return open_desk(AppSettings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def predictor(desk: Desk) -> Predictor:
    found = load_predictor(desk, "starter")
    return Predictor(found.checkpoint, CountingEngine(found.engine), None, found.operating_point)


@pytest.fixture
def films(tmp_path: Path, real_data: Path) -> Path:
    folder = tmp_path / "ward"
    folder.mkdir()
    for film in sorted((real_data / "originals" / "NORMAL").glob("*.jpeg"))[:5]:
        shutil.copyfile(film, folder / film.name)
    (folder / "blank.png").write_bytes(encoded(synthesise_phantom(1, size=512) * 0))
    (folder / "notes.txt").write_text("no image")
    return folder


OF_ONE_READING = ("id", "rank", "created_at")


def read(desk: Desk, predictor: Predictor, folder: Path, **asked) -> tuple[str, int]:
    """Read a folder; returns the batch and how many images went through the engine."""
    before = predictor.engine.num_films
    result = run_triage(desk, TriageRequest(paths=(folder,), reader="Ada", **asked), predictor=predictor)
    return result.batch_id, predictor.engine.num_films - before


def test_known_films_are_taken_over_and_new_ones_read(desk, predictor, films: Path, real_data: Path) -> None:
    """The second time only the new image goes through the model; the list is complete and the same."""
    first, num_read = read(desk, predictor, films)
    assert (num_read, count_taken_over(desk, first)) == (5, 0)
    shutil.copyfile(next((real_data / "originals" / "PNEUMONIA").glob("*.jpeg")), films / "new.jpeg")
    second, num_read = read(desk, predictor, films)
    assert num_read == 1
    # Five images and the blank one, which was refused before; what could not be opened is tried again.
    assert count_taken_over(desk, second) == 6
    rows = {row["file"]: row for row in ranked_readings(desk, second)}
    for row in ranked_readings(desk, first):
        # A blank file and one without an image are studies of their batch alone.
        own = (*OF_ONE_READING, "study") if row["file"] in {"blank.png", "notes.txt"} else OF_ONE_READING
        assert all(rows[row["file"]][name] == value for name, value in row.items() if name not in own)
    assert set(rows) == {path.name for path in films.iterdir()}
    studies = load_studies(desk, second).set_index("file")
    taken_over = studies.index[studies["taken_over_from"].notna()]
    assert "new.jpeg" not in taken_over
    detail = get_reading(desk, int(studies.loc[taken_over[0], "reading_id"]))
    assert detail.lineage["Reused"] == "from an earlier reading of the same image"


def test_reading_again_can_be_asked_for(desk, predictor, films: Path) -> None:
    """With `again` every image goes through the model once more."""
    read(desk, predictor, films)
    batch, num_read = read(desk, predictor, films, again=True)
    assert (num_read, count_taken_over(desk, batch)) == (5, 0)


def test_another_operating_point_reads_anew(desk, predictor, films: Path, tmp_path: Path) -> None:
    """What another threshold said is not reused: with another operating point every image is read."""
    read(desk, predictor, films)
    folder = shutil.copytree(Path(__file__).parents[2] / "core" / "model" / "starter", tmp_path / "other")
    card = json.loads((folder / "card.json").read_text())
    card["operating_point"]["name"] = "our own"
    (folder / "card.json").write_text(json.dumps(card))
    batch, num_read = read(desk, predictor, films, model=str(folder))
    assert (num_read, count_taken_over(desk, batch)) == (5, 0)


def starter_with(folder: Path, **changes: object) -> Path:
    """The bundled model's files with some fields of its card changed."""
    shutil.copytree(Path(__file__).parents[2] / "core" / "model" / "starter", folder)
    card = json.loads((folder / "card.json").read_text())
    card.update(changes)
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_the_same_weights_with_another_card_are_another_reader(desk, predictor, films: Path, tmp_path: Path) -> None:
    """A calibration that calls everything normal is neither taken for the bundled model nor gives it its readings."""
    first, _ = read(desk, predictor, films)
    other = starter_with(tmp_path / "other", calibration={"slope": 0.05, "intercept": -6.0})
    result = run_triage(desk, TriageRequest(paths=(films,), model=str(other), reader="Ada"))
    assert count_taken_over(desk, result.batch_id) == 0
    assert result.model != "starter" and result.model.startswith("starter (card ")
    told = {row["file"]: row["probability"] for row in ranked_readings(desk, result.batch_id)}
    own = {row["file"]: row["probability"] for row in ranked_readings(desk, first)}
    assert all(told[file] < 0.01 for file in told if told[file] is not None) and told != own
    again, num_read = read(desk, predictor, films)
    assert num_read == 0
    assert {row["file"]: row["probability"] for row in ranked_readings(desk, again)} == own


def test_another_image_size_has_a_graph_of_its_own(desk, predictor, films: Path, tmp_path: Path) -> None:
    """A card with another input size neither takes the bundled model's graph nor spoils it."""
    card = json.loads((Path(__file__).parents[2] / "core" / "model" / "starter" / "card.json").read_text())
    other = starter_with(tmp_path / "small", preprocessing={**card["preprocessing"], "image_size": 160})
    for model in (str(other), "starter"):
        batch = run_triage(desk, TriageRequest(paths=(films,), model=model, again=True)).batch_id
        statuses = {row["file"]: row["status"] for row in ranked_readings(desk, batch)}
        assert all(status in {"read", "rejected"} for file, status in statuses.items() if file != "notes.txt"), statuses


def test_a_card_changed_after_the_batch_was_made_stops_reading(desk, films: Path, tmp_path: Path) -> None:
    """What was promised when the batch was made is what reads it, or a sentence says why not."""
    folder = starter_with(tmp_path / "mine", name="mine")
    batch = create_batch(desk, TriageRequest(paths=(films,), model=str(folder)))
    card = json.loads((folder / "card.json").read_text())
    card["calibration"] = {"slope": 0.05, "intercept": -6.0}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="was changed after this desk first knew it"):
        work_on_batch(desk, batch)
    assert ranked_readings(desk, batch) == []


def test_a_threshold_changed_after_the_batch_was_made_stops_reading(desk, films: Path, tmp_path: Path) -> None:
    """Nothing is read at an edited threshold, nor at the former one in silence; the former file reads on."""
    folder = starter_with(tmp_path / "mine", name="mine too")
    batch = create_batch(desk, TriageRequest(paths=(films,), model=str(folder)))
    whole = (folder / "card.json").read_text()
    card = json.loads(whole)
    stored = dict(card["operating_point"])
    card["operating_point"] |= {"threshold": 1.0, "uncertain_low": 1.0, "uncertain_high": 1.0}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="its threshold and calibration can no longer be trusted"):
        work_on_batch(desk, batch)
    assert ranked_readings(desk, batch) == []
    (folder / "card.json").write_text(whole)
    resumed = run_triage(desk, TriageRequest(paths=(films,), model=str(folder)))
    assert describe_batch(desk, resumed.batch_id).operating_point["threshold"] == pytest.approx(stored["threshold"])


def test_batches_from_before_the_version_was_recorded_are_read_again(desk, predictor, films: Path) -> None:
    """A reading of unknown decoding is never reused."""
    read(desk, predictor, films, again=True)
    with desk.transaction() as session:
        session.execute(update(tables.Batch).values(reading_version=None))
    _, num_read = read(desk, predictor, films)
    assert num_read == 5


def test_reading_and_a_change_of_model_stand_in_the_trail(desk, predictor, films: Path) -> None:
    """Each batch leaves who had it read, with which model; a change of model is an event of its own."""
    batch, _ = read(desk, predictor, films)
    events = [event for event in list_events(desk) if event.detail.get("batch") == batch]
    assert events[0].action == "read"
    assert events[0].who == "Ada" and "starter" in events[0].detail["model"]
    assert any(event.action == "model change" for event in list_events(desk))
