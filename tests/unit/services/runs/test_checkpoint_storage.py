"""Checkpoints are deleted when a run has ended, and nothing else of it is."""

from pathlib import Path

import pytest
from sqlalchemy import update

from core.errors import InputNotFoundError, TrainingError
from core.services.desk import Desk, open_desk
from core.services.runs.checkpoint_storage import clean_checkpoints, resumable_bytes
from core.settings import AppSettings
from db import models as tables
from db.states import State


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    folder = tmp_path / "run"
    for name, size in (("states/last.state", 700), ("states/previous.state", 300), ("checkpoint/card.json", 50)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * size)
    with desk.transaction() as session:
        session.add(
            tables.Run(
                id="one",
                name="one",
                state=State.STOPPED.value,
                config={},
                cohort_fingerprint="",
                split_fingerprint="",
                environment={},
                folder=str(folder),
            )
        )
    return desk


def test_cleaning_frees_what_a_run_could_go_on_from(desk: Desk, tmp_path: Path) -> None:
    """Both states go, the model stays, and cleaning twice frees nothing more."""
    assert resumable_bytes(desk, "one") == 1000
    assert clean_checkpoints(desk, "one") == 1000
    assert not (tmp_path / "run" / "states").exists() and (tmp_path / "run" / "checkpoint" / "card.json").exists()
    assert clean_checkpoints(desk, "one") == 0


def test_a_run_that_goes_on_keeps_its_checkpoints(desk: Desk) -> None:
    """Cleaning a running run is refused, and an unknown run is said."""
    with desk.transaction() as session:
        session.execute(update(tables.Run).values(state=State.RUNNING.value))
    with pytest.raises(TrainingError, match="stop it"):
        clean_checkpoints(desk, "one")
    assert resumable_bytes(desk, "one") == 1000
    with pytest.raises(InputNotFoundError):
        clean_checkpoints(desk, "unheard-of")
