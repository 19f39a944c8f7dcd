"""Runs deleted for good: only what was deleted before, never what is in use, and nothing that others rest on."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, AuditFilter, list_events
from core.services.experiments.annotations import delete_runs
from core.services.experiments.purge import UNDO_HOURS, purge_runs, purgeable_runs
from core.services.runs.listing import list_runs
from db import models as tables
from db.base import utc_now
from tests.made_runs import add_run
from tests.small_desk import add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with three finished runs, each with a file of its own."""
    desk = small_desk(tmp_path / "home")
    for day, run_id in enumerate(("kept", "old", "fresh")):
        add_run(desk, run_id, day=day)
        (desk.settings.runs / run_id / "checkpoint").mkdir(parents=True)
        (desk.settings.runs / run_id / "checkpoint" / "weights").write_bytes(b"w" * 1000)
    return desk


def test_time_for_undo_is_kept(desk: Desk) -> None:
    """Without names only runs go whose deletion is long enough ago; what their models said of images stays."""
    delete_runs(desk, ["old", "fresh"])
    with desk.transaction() as session:
        session.get_one(tables.RunAnnotation, "old").deleted_at = utc_now() - timedelta(hours=UNDO_HOURS + 1)
    assert purgeable_runs(desk) == ("old",)
    done = purge_runs(desk, None, "Ada")
    assert (done.run_ids, done.num_bytes) == (("old",), 1000)
    assert not (desk.settings.runs / "old").exists() and (desk.settings.runs / "fresh").exists()
    with desk.reading() as session:
        assert session.get(tables.Run, "old") is None and session.get(tables.Run, "fresh") is not None
        assert session.query(tables.RunMetric).filter_by(run_id="old").count() == 0
        assert session.query(tables.PredictionSet).filter_by(checkpoint_hash="old-checkpoint").count() == 1
    event = list_events(desk, AuditFilter(actions=(AuditAction.DELETION,)))[0]
    assert (event.who, event.subject) == ("Ada", "run made up") and event.detail["run"] == "old"
    assert purge_runs(desk, None, "Ada").run_ids == ()


def test_a_run_on_the_list_is_never_purged(desk: Desk) -> None:
    """Of several runs none goes if one was not deleted before; named, a deleted one goes at once."""
    delete_runs(desk, ["fresh"])
    with pytest.raises(PneumoDeskError, match=r"\(kept\) was not deleted"):
        purge_runs(desk, ["fresh", "kept"], "Ada")
    assert (desk.settings.runs / "fresh").exists()
    assert purge_runs(desk, ["fr"], "Ada").run_ids == ("fresh",)
    assert {run["id"] for run in list_runs(desk)} == {"kept", "old"}


def test_a_model_in_use_is_not_purged(desk: Desk) -> None:
    """While a batch is read with a run's model, the sentence names the batch; afterwards the run can go."""
    delete_runs(desk, ["old"])
    add_batch(desk, [("a.png", 0.5)], batch_id="busy")
    with desk.transaction() as session:
        session.get_one(tables.Batch, "busy").state = "running"
        session.get_one(tables.ModelVersion, 1).run_id = "old"
    with pytest.raises(PneumoDeskError, match="is reading busy"):
        purge_runs(desk, ["old"], None)
    with desk.transaction() as session:
        session.get_one(tables.Batch, "busy").state = "completed"
    assert purge_runs(desk, ["old"], None).run_ids == ("old",)


def test_a_folder_outside_the_desk_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    """A run whose folder lies elsewhere loses its record, and no file that the desk did not write."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("mine")
    with desk.transaction() as session:
        session.get_one(tables.Run, "old").folder = str(elsewhere)
    delete_runs(desk, ["old"])
    purge_runs(desk, ["old"], None)
    assert (elsewhere / "notes.txt").read_text() == "mine" and len(list_runs(desk)) == 2
