"""The room that runs take on disk, and how it is made free."""

import shutil
from pathlib import Path

from core.errors import TrainingError
from core.language import tr
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.runs.control import find_run
from db import models as tables

STATES_FOLDER = "states"


def resumable_bytes(desk: Desk, run_id: str) -> int:
    """Return the bytes of the checkpoints from which a run could continue; its model is not among them."""
    folder = _folder(desk, find_run(desk, run_id))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def clean_checkpoints(desk: Desk, run_id: str) -> int:
    """Delete the checkpoints from which a run could continue, and return the bytes made free; its model stays.

    Resumed afterwards, the run starts again. Raises TrainingError while it runs.
    """
    run_id = find_run(desk, run_id)
    with desk.reading() as session:
        state = session.get_one(tables.Run, run_id).state
    if state in LIVE_STATES:
        raise TrainingError(tr("This run continues: stop it before its checkpoints are deleted."))
    num_bytes = resumable_bytes(desk, run_id)
    folder = _folder(desk, run_id)
    if folder.exists():
        shutil.rmtree(folder)
    return num_bytes


def _folder(desk: Desk, run_id: str) -> Path:
    with desk.reading() as session:
        return Path(session.get_one(tables.Run, run_id).folder) / STATES_FOLDER
