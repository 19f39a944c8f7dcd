"""A batch in the background survives what kills its process, and stops when it is asked to."""

import os
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from core.errors import InputNotFoundError, SettingsError
from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk
from core.services.models.lookup import STARTER, STARTER_FOLDER
from core.services.triage.batch_reading import TriageRequest
from core.services.triage.batches import (
    get_batch,
    list_batches,
    resume_batch,
    start_batch,
    start_server_folder,
    stop_batch,
)
from core.services.worklist.batch_list import ranked_readings
from core.services.worklist.studies import BANDS, count_bands
from db import models as tables
from tests.hostile_files import encoded
from tests.patience import wait_until

NUM_FILMS = 700
NUM_FEW = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    (folder / "0000.png").write_bytes(encoded(synthesise_phantom(1, size=512)))
    for number in range(1, NUM_FILMS):
        (folder / f"{number:04}.png").symlink_to(folder / "0000.png")
    return folder


def begin(desk: Desk, folder: Path) -> str:
    """Start a batch and wait until a part of it has been read."""
    batch_id = start_batch(desk, TriageRequest(paths=(folder,), again=True))
    wait_until(lambda: get_batch(desk, batch_id).num_done > 0)
    return batch_id


def pid_of(desk: Desk, batch_id: str) -> int:
    with desk.reading() as session:
        return session.get_one(tables.Batch, batch_id).pid


def test_kill_nine_loses_nothing_and_reads_nothing_twice(desk: Desk, folder: Path) -> None:
    """A batch whose process is killed is found lost, and resumed reads exactly the images that were left."""
    batch_id = begin(desk, folder)
    os.kill(pid_of(desk, batch_id), signal.SIGKILL)
    wait_until(lambda: get_batch(desk, batch_id).state == "lost")
    done = get_batch(desk, batch_id).num_done
    assert 0 < done < NUM_FILMS
    assert len(ranked_readings(desk, batch_id)) == done
    resume_batch(desk, batch_id)
    wait_until(lambda: get_batch(desk, batch_id).state == "completed")
    files = Counter(row["file"] for row in ranked_readings(desk, batch_id))
    assert len(files) == NUM_FILMS and set(files.values()) == {1}


def test_stop_keeps_what_was_read(desk: Desk, folder: Path) -> None:
    """A stopped batch ends soon, keeps its readings, and can be resumed to its end."""
    batch_id = begin(desk, folder)
    stop_batch(desk, batch_id)
    wait_until(lambda: get_batch(desk, batch_id).state == "stopped")
    assert 0 < get_batch(desk, batch_id).num_done < NUM_FILMS
    resume_batch(desk, batch_id)
    resume_batch(desk, batch_id)
    wait_until(lambda: get_batch(desk, batch_id).state == "completed")
    assert len(ranked_readings(desk, batch_id)) == NUM_FILMS


def test_a_finished_batch_stays_as_it_is(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """Stopping a finished batch changes nothing, and it is in the list with its counts."""
    (tmp_path / "one.png").write_bytes((folder / "0000.png").read_bytes())
    batch_id = start_batch(desk, TriageRequest(paths=(tmp_path,), title="one image"))
    wait_until(lambda: get_batch(desk, batch_id).state == "completed")
    stop_batch(desk, batch_id)
    status = list_batches(desk)[0]
    assert (status.id, status.title, status.state) == (batch_id, "one image", "completed")
    counts = count_bands(desk, [status.id])[status.id]
    assert sum(counts[band] for band in BANDS) == 1
    assert status.card.name == STARTER
    assert get_batch(desk, batch_id).films_per_second > 0


def test_a_folder_outside_the_allowed_roots_is_refused(desk: Desk) -> None:
    """A folder of the server that is not below an allowed root is refused with the roots that are."""
    with pytest.raises(SettingsError, match="PNEUMODESK_FILM_ROOTS"):
        start_server_folder(desk, "/etc", STARTER)


def test_an_unknown_batch_is_a_sentence(desk: Desk) -> None:
    """Asking for a batch that is not there says so."""
    with pytest.raises(InputNotFoundError, match="no batch"):
        get_batch(desk, "unheard-of")


def test_a_model_that_vanishes_while_its_batch_runs_costs_no_reading(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """The batch under way ends whole, for its model is loaded; one to be resumed says that its model is gone."""
    model = shutil.copytree(STARTER_FOLDER, tmp_path / "model")
    few = tmp_path / "films"
    few.mkdir()
    for path in sorted(folder.iterdir())[:NUM_FEW]:
        (few / path.name).symlink_to(path)
    first, second = (start_batch(desk, TriageRequest(paths=(few,), model=str(model), again=True)) for _ in range(2))
    wait_until(lambda: get_batch(desk, first).num_done > 0)
    stop_batch(desk, second)
    shutil.rmtree(model)
    wait_until(lambda: get_batch(desk, first).state == "completed")
    assert len(ranked_readings(desk, first)) == NUM_FEW
    wait_until(lambda: not get_batch(desk, second).is_live)
    resume_batch(desk, second)
    wait_until(lambda: get_batch(desk, second).state == "failed")
    assert str(model) in get_batch(desk, second).error
