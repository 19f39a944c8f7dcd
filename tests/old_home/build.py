"""Builds `first_wave.tar.xz`: a desk's home as the desk of schema 0012 left it, with synthetic images only.

It runs on that desk's own code, so that nothing in the archive is imitated:

    git worktree add --detach /tmp/first-wave-code 0ed46b6
    cd /tmp/first-wave-code
    PYTHONPATH=. python REPOSITORY/tests/old_home/build.py REPOSITORY/tests/old_home/first_wave.tar.xz
    git worktree remove /tmp/first-wave-code

`about.json` in the archive says where the home lay and what is in it.
"""

import json
import shutil
import sqlite3
import sys
import tarfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from core.services.annotations import set_tags, star
from core.services.examinations import ExaminationRequest, Origin, start_examination, work_on_examination
from core.services.promotion import PromoteRequest, promote
from core.services.rules import change_rules
from core.services.studies import assign_studies
from core.services.sweep_request import SweepAxis, SweepKind, SweepRequest
from core.services.sweep_tending import SweepTender
from core.services.sweep_watch import get_sweep
from core.services.verdicts import Verdict, give_verdict, undo_verdict
from PIL import Image
from sqlalchemy import select

from core.model import classifier
from core.radiograph.phantom import mark_as_drawn, synthesise_phantom
from core.services import examinations, run_control, sweeps
from core.services.desk import Desk, open_desk
from core.services.sweeps import start_sweep
from core.services.triage import TriageRequest, create_batch, run_triage
from core.settings import AppSettings
from core.training.config import TrainingConfig
from db import models as tables
from db.models import utc_now
from tests.made_runs import add_run, give_checkpoint

HOME = Path("/tmp/pneumodesk-first-wave/home")
BEST, SECOND, FAILED = "aaaa00000001", "aaaa00000002", "aaaa00000003"
LAST_VALUE = 0.5
FAILURE = "The GPU ran out of memory at a batch of 64 films. Take a smaller batch."


def main() -> None:
    """Fill a home and pack it."""
    shutil.rmtree(HOME.parent, ignore_errors=True)
    for module in (sweeps, run_control):
        module.start_supervisor = lambda desk: None
    run_control.ensure_supervisor = lambda desk: None
    examinations.launch = lambda *asked: None
    desk = open_desk(AppSettings(home=HOME, device="cpu", max_file_megabytes=1))
    data = add_dataset(desk)
    about = {
        "home": str(HOME),
        "schema": "0012",
        "dataset": examine(desk, data),
        "runs": add_runs(desk),
        "model": promote(desk, PromoteRequest(source=f"run:{BEST}", name="drawn", notes="Tried."), "ada").reference,
        "search": add_search(desk, data),
        "grid": add_grid(desk, data),
        "batches": add_batches(desk),
    }
    packed = HOME.parent / "packed"
    keep_as_it_is(packed)
    # What this code draws next is what a later version must draw from the same study.
    about["search"]["next"] = next_settings(desk, about["search"]["id"])
    (HOME.parent / "about.json").write_text(json.dumps(about, indent=1))
    with tarfile.open(sys.argv[1], "w:xz", preset=9) as archive:
        archive.add(HOME.parent / "about.json", "about.json")
        archive.add(packed, "home")


def keep_as_it_is(packed: Path) -> None:
    """Copy the home as after a shutdown: the database in one file, no locks, and no caches."""
    shutil.copytree(HOME, packed, ignore=shutil.ignore_patterns("caches", "*.lock", "pneumodesk.db*"))
    with (
        closing(sqlite3.connect(HOME / "pneumodesk.db")) as live,
        closing(sqlite3.connect(packed / "pneumodesk.db")) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def next_settings(desk: Desk, sweep_id: str) -> dict[str, object]:
    """Complete the waiting trial of the search and return what the one after it tries."""
    report(desk, get_sweep(desk, sweep_id).trials[-1].run_id, LAST_VALUE, 4, state="completed")
    SweepTender(desk)()
    return dict(get_sweep(desk, sweep_id).trials[-1].settings)


def add_dataset(desk: Desk) -> Path:
    """Draw eight films in the standard layout."""
    data = desk.settings.home / "drawn_films"
    for label, is_ill in (("NORMAL", False), ("PNEUMONIA", True)):
        for number in range(1, 5):
            write(data / "train" / label / f"person{number}_bacteria_{number}.jpeg", 10 * number + is_ill, is_ill)
    mark_as_drawn(data)
    return data


def write(path: Path, seed: int, is_ill: bool, size: int = 128) -> None:
    """Write one drawn film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(synthesise_phantom(seed, size, is_ill)).save(path, quality=60)


def examine(desk: Desk, data: Path) -> str:
    """Index and audit the dataset as its page does, and return the examination."""
    examination = start_examination(desk, ExaminationRequest(origin=Origin.FOLDER, path=data, reader="ada"))
    work_on_examination(desk, examination)
    return examination


def add_runs(desk: Desk) -> dict[str, str]:
    """Record two completed runs, the first with a checkpoint that packs well, and one that failed."""
    add_run(desk, BEST, name="strong augmentation", skill=3.0, splits=("validation", "test"), epochs=2)
    add_run(desk, SECOND, name="no augmentation", skill=1.0, seed=1, day=1, epochs=2)
    add_run(desk, FAILED, name="too large", state="failed", day=2)
    with desk.transaction() as session:
        session.get_one(tables.Run, FAILED).error = FAILURE
    made = classifier.PneumoniaClassifier

    class Flat(made):
        """A network whose weights are all alike but for its head's."""

        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **named)
            with torch.no_grad():
                for name, weights in self.named_parameters():
                    if weights.ndim > 1 and weights.shape[0] > 1:
                        weights.fill_(0.01 if "head" in name else 0.001)

    classifier.PneumoniaClassifier = Flat
    draw = np.random.default_rng
    np.random.default_rng = lambda seed=None: Even(draw(seed)) if seed == 7 else draw(seed)
    give_checkpoint(desk, BEST, 64, seed=7)
    np.random.default_rng, classifier.PneumoniaClassifier = draw, made
    star(desk, [BEST])
    set_tags(desk, BEST, ["first wave"])
    return {"best": BEST, "second": SECOND, "failed": FAILED}


class Even:
    """Draws numbers of which most are nought: the gate fitted on them packs well."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def normal(self, size: tuple[int, int]) -> np.ndarray:
        """Return numbers that differ in their first four columns."""
        values = np.zeros(size)
        values[:, :4] = self._rng.normal(size=(size[0], 4))
        return values


def add_search(desk: Desk, data: Path) -> dict[str, object]:
    """Carry a search of fourteen trials to its thirteenth: eleven completed, one pruned, one waiting."""
    axes = (
        SweepAxis(field="dropout", low=0.0, high=0.8),
        SweepAxis(field="learning_rate", low=1e-5, high=0.1, is_log=True),
        SweepAxis(field="batch_size", values=(8, 16)),
    )
    request = SweepRequest(
        data=data, name="Dropout and rate", kind=SweepKind.SEARCH, axes=axes, num_trials=14, base={"epochs": 4}
    )
    sweep_id = start_sweep(desk, request)
    tender = SweepTender(desk)
    for number in range(12):
        tender()
        trial = get_sweep(desk, sweep_id).trials[-1]
        if number == 11:
            report(desk, trial.run_id, 0.3, 3, state="running")
            tender()
            set_state(desk, trial.run_id, "stopped")
        else:
            report(desk, trial.run_id, 0.9 - trial.settings["dropout"] / 4, 4, state="completed")
    tender()
    sweep = get_sweep(desk, sweep_id)
    states = [trial.state for trial in sweep.trials]
    assert states == ["completed"] * 11 + ["pruned", "queued"], states
    return {"id": sweep_id, "states": states, "best": sweep.best.number, "value": sweep.best.value}


def add_grid(desk: Desk, data: Path) -> str:
    """Record a grid of two runs, of which one is done."""
    axes = (SweepAxis(field="dropout", values=(0.1, 0.2)),)
    grid = SweepRequest(data=data, name="Dropouts", kind=SweepKind.GRID, axes=axes, base=TrainingConfig(epochs=4))
    sweep_id = start_sweep(desk, grid)
    report(desk, get_sweep(desk, sweep_id).trials[0].run_id, 0.8, 4, state="completed")
    return sweep_id


def report(desk: Desk, run_id: str, auc: float, num_epochs: int, state: str) -> None:
    """Let a run report a rising AUC and be in a state."""
    with desk.transaction() as session:
        for epoch in range(1, num_epochs + 1):
            value = auc - 0.01 * (num_epochs - epoch)
            session.merge(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=epoch, value=value))
        session.get_one(tables.Run, run_id).summary = {"best_epoch": num_epochs}
    set_state(desk, run_id, state)


def set_state(desk: Desk, run_id: str, state: str) -> None:
    """Move a run to a state."""
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state, run.started_at = state, run.started_at or utc_now()
        if state != "running":
            run.finished_at = run.started_at + timedelta(minutes=2)


def add_batches(desk: Desk) -> dict[str, object]:
    """Read drawn and hostile files with the bundled model, give and undo verdicts, and leave a batch that failed."""
    folder = desk.settings.uploads / "ward" / "files"
    for number in range(1, 5):
        write(folder / f"film{number}.jpg", 100 + number, number % 2 == 0, size=224)
    (folder / "notes.jpg").write_text("not an image")
    (folder / "empty.png").write_bytes(b"")
    Image.new("L", (224, 224), 90).save(folder / "blank.png")
    Image.fromarray(np.tile(np.arange(224, dtype=np.uint8), (224, 1))).save(folder / "=SUM(A1).png")
    read = run_triage(desk, TriageRequest(paths=(folder,), model="starter", reader="ada", title="Ward 3"))
    give(desk, read.batch_id)
    failed = create_batch(desk, TriageRequest(paths=(folder,), model="starter", reader="ben", title="Ward 4"))
    with desk.transaction() as session:
        batch = session.get_one(tables.Batch, failed)
        batch.state, batch.error, batch.finished_at = "failed", "There is no space left on the disk.", utc_now()
        kept = {row.file: (row.status, row.reason_code, row.reason) for row in session.scalars(select(tables.Reading))}
    return {"read": read.batch_id, "failed": failed, "reasons": kept}


def give(desk: Desk, batch_id: str) -> None:
    """Let two readers say what they see; one takes a finding back. The rules change, a study is assigned."""
    with desk.reading() as session:
        rows = session.scalars(select(tables.Reading).where(tables.Reading.batch_id == batch_id)).all()
        readings = {row.file: row for row in rows}
    give_verdict(desk, readings["film1.jpg"].id, "ada", Verdict.NORMAL)
    give_verdict(desk, readings["film2.jpg"].id, "ada", Verdict.PNEUMONIA, "left base")
    give_verdict(desk, readings["film2.jpg"].id, "ben", Verdict.NORMAL)
    undo_verdict(desk, give_verdict(desk, readings["film3.jpg"].id, "ada", Verdict.UNSURE), "ada")
    give_verdict(desk, readings["film4.jpg"].id, "ben", Verdict.NOT_READABLE)
    assign_studies(desk, [readings["film3.jpg"].study], "ben", "ada")
    change_rules(desk, ["near_gate_share=0.9"], "ada")


if __name__ == "__main__":
    main()
