"""What is past its retention period goes by itself, and storage is told truly."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.api import desk_life, standalone
from core.api.application import create_api
from core.errors import InputNotFoundError, WorklistError
from core.services.desk.audit_trail import list_events
from core.services.desk.storage import storage_use
from core.services.triage.single_films import get_prediction, prediction_heatmap
from core.services.worklist.deletion import UNDO_PERIOD, list_deleted
from core.services.worklist.retention import apply_retention, delete_old_predictions, expired_batches
from core.services.worklist.rules import save_rules
from core.services.worklist.studies import load_worklist
from core.settings import get_settings
from core.triage.rules import WorklistRules
from core.triage.saliency import pack_map
from db import models as tables
from db.base import utc_now
from tests.patience import PATIENCE_SECONDS
from tests.small_desk import add_batch, small_desk, uploaded


@pytest.fixture
def desk(tmp_path: Path):
    return small_desk(tmp_path / "home")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch) -> Iterator[None]:
    """Let what opens the home that the settings name open one of the test's own."""
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_retention_deletes_what_is_past_and_nothing_else(desk) -> None:
    """Batches older than the rules allow are deleted in the name of the period; without a period none is."""
    add_batch(desk, [("old", 0.9)], hours_ago=24 * 11)
    add_batch(desk, [("new", 0.9)], batch_id="second", hours_ago=24 * 8)
    assert expired_batches(desk) == [] and apply_retention(desk) == 0
    save_rules(desk, WorklistRules(keep_days=10), "Ada")
    assert expired_batches(desk) == ["first"]
    assert apply_retention(desk) == 1
    assert load_worklist(desk).studies["file"].tolist() == ["new"]
    assert list_events(desk)[0].who == "retention period"
    assert [batch.id for batch in list_deleted(desk)] == ["first"]
    assert apply_retention(desk, utc_now() + UNDO_PERIOD) == 0 and list_deleted(desk) == []


def add_prediction(desk, name: str, days_ago: float) -> None:
    add_batch(desk, [], batch_id=f"of {name}")
    with desk.transaction() as session:
        session.add(
            tables.Prediction(
                id=name,
                status="read",
                reason_code="normal",
                reason="by hand",
                priority="routine",
                activation_map=pack_map(np.array([[0.0, 1.0]])),
                model_version_id=1,
                operating_point_id=1,
                engine="by hand",
                created_at=utc_now() - timedelta(days=days_ago),
            )
        )


def test_predictions_have_a_retention_of_their_own(tmp_path: Path) -> None:
    """What REST found of single images goes after the setting's days, is drawn no more, and the trail keeps how
    many.
    """
    desk = small_desk(tmp_path / "home", keep_predictions_days=10)
    add_prediction(desk, "old", 11)
    add_prediction(desk, "new", 9)
    assert prediction_heatmap(desk, "old")
    assert delete_old_predictions(desk) == 1
    with pytest.raises(InputNotFoundError, match="retention"):
        prediction_heatmap(desk, "old")
    assert get_prediction(desk, "new").status == "read"
    event = list_events(desk)[0]
    assert (event.who, event.subject) == ("retention period", "1 predictions")


def test_predictions_are_kept_where_no_days_are_set(desk) -> None:
    """Without the setting nothing goes."""
    add_prediction(desk, "old", 10_000)
    assert delete_old_predictions(desk) == 0 and get_prediction(desk, "old").status == "read"


def test_one_batch_that_cannot_go_holds_up_no_other(desk, monkeypatch) -> None:
    """Retention continues past a batch whose images cannot be removed, and says so at the end."""
    save_rules(desk, WorklistRules(keep_days=10), "Ada")
    stuck = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], hours_ago=24 * 12, folder=stuck)
    add_batch(desk, [("b", 0.9)], batch_id="second", hours_ago=24 * 11)
    remove = shutil.rmtree

    def refuse(folder: Path, **asked) -> None:
        if folder == stuck.parent:
            raise PermissionError(13, "Permission denied", str(folder))
        remove(folder, **asked)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    assert apply_retention(desk) == 2
    with pytest.raises(WorklistError, match="cannot be removed"):
        apply_retention(desk, utc_now() + UNDO_PERIOD)
    assert load_worklist(desk).studies.empty and [batch.id for batch in list_deleted(desk)] == ["first"]


def test_a_server_applies_retention_every_hour(tmp_path: Path, monkeypatch) -> None:
    """What an hour does deletes old batches and predictions though no batch ends, whatever fails beside them."""
    desk = small_desk(tmp_path / "home", keep_predictions_days=10)
    save_rules(desk, WorklistRules(keep_days=10), "Ada")
    add_batch(desk, [("old", 0.9)], hours_ago=24 * 11)
    add_prediction(desk, "old", 11)
    monkeypatch.setattr(desk_life, "open_desk", lambda: desk)
    monkeypatch.setattr(desk_life, "clean_uploads", refuse_all)
    desk_life.make_room()
    assert load_worklist(desk).studies.empty
    with pytest.raises(InputNotFoundError):
        get_prediction(desk, "old")


@pytest.mark.parametrize("life", [desk_life.desk_life, standalone._lifespan])
@pytest.mark.usefixtures("own_home")
def test_every_server_makes_room_again_and_again(monkeypatch, life) -> None:
    """Dashboard and API by itself both begin to make room when they start, and continue."""
    rounds = threading.Semaphore(0)
    monkeypatch.setattr(desk_life, "make_room", rounds.release)
    monkeypatch.setattr(desk_life, "SECONDS_BETWEEN_CLEANINGS", 0.001)
    server = create_api()
    monkeypatch.setattr(server.state.film_desk.model, "load_in_background", lambda: None)

    async def live() -> None:
        async with life(server):
            for _ in range(3):
                assert await asyncio.to_thread(rounds.acquire, timeout=PATIENCE_SECONDS)

    asyncio.run(live())


def refuse_all(desk) -> None:
    raise OSError("the uploads cannot be read")


def test_storage_adds_up(desk) -> None:
    """What is told of uploads and database is what lies there; only what was sent counts as uploaded files."""
    uploaded(desk, "one", "a", "bb")
    for name in ("received/a-receipt", "partial/half", "closed"):
        place = desk.settings.uploads / "one" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"12345")
    uses = {use.what: use for use in storage_use(desk)}
    assert (uses["uploaded images"].num_bytes, uses["uploaded images"].num_files) == (315, 2)
    on_disk = sum(path.stat().st_size for path in desk.settings.home.rglob("*") if path.is_file())
    assert sum(use.num_bytes for use in uses.values()) == on_disk
