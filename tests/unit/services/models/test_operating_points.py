"""A kept operating point decides what triage says, is found again with the batch, and belongs to one model."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputNotFoundError
from core.evaluation.operating_point import OperatingPoint
from core.model.checkpoint import read_card
from core.radiograph.phantom import write_phantom_folder
from core.services.desk import Desk
from core.services.models.lookup import STARTER_FOLDER
from core.services.models.operating_points import (
    PointName,
    choosable_points,
    named_point,
    operating_point_of,
    record_operating_point,
)
from core.services.triage.batch_reading import TriageRequest, create_batch, run_triage, work_on_batch
from core.services.triage.batches import get_batch
from core.services.worklist.studies import BANDS, count_bands
from core.triage.inference import EngineOutput
from core.triage.predictor import Predictor
from db import models as tables
from tests.small_desk import small_desk


class EvenEngine:
    """Says of every image that both are as likely."""

    name = "even"

    def submit(self, images_B1HW: np.ndarray, deliver: object) -> None:
        size = len(images_B1HW)
        deliver(EngineOutput(np.zeros(size), np.zeros((size, 4)), np.ones((size, 7, 7))))

    def finish(self) -> None:
        pass


class CardOnly:
    """A checkpoint without weights."""

    folder = STARTER_FOLDER
    card = read_card(STARTER_FOLDER)
    hash = card.weights_hash


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(CardOnly(), EvenEngine(), None, operating_point_of(CardOnly.card))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk on which two versions of one point of the starter are kept, around what `EvenEngine` says."""
    desk = small_desk(tmp_path / "home")
    said = float(CardOnly.card.calibration.apply(np.zeros(1))[0])
    with desk.transaction() as session:
        record_operating_point(session, CardOnly.card)
        for version, threshold in ((1, said / 2), (2, (1 + said) / 2)):
            session.add(
                tables.OperatingPoint(
                    checkpoint_hash=CardOnly.hash,
                    version=version,
                    **OperatingPoint(
                        name="Night ward",
                        threshold=threshold,
                        uncertain_low=threshold,
                        uncertain_high=threshold,
                        rule="by hand",
                        chosen_on="nothing",
                    ).model_dump(),
                )
            )
            session.flush()
    write_phantom_folder(tmp_path / "films", 4)
    return desk


def findings(desk: Desk, batch_id: str) -> set[str]:
    with desk.reading() as session:
        rows = session.query(tables.Reading.finding).filter_by(batch_id=batch_id, status="read").all()
    return {finding for (finding,) in rows}


def test_the_point_asked_for_decides(desk: Desk, predictor: Predictor, tmp_path: Path) -> None:
    """The same probability is pneumonia at version 1 and normal at version 2, which is the newest."""
    asked = {"Night ward@1": "pneumonia", "Night ward@2": "normal", "Night ward": "normal"}
    for name, finding in asked.items():
        request = TriageRequest(paths=(tmp_path / "films",), operating_point=name)
        result = run_triage(desk, request, predictor=predictor)
        assert findings(desk, result.batch_id) == {finding}, name
        shown = get_batch(desk, result.batch_id).operating_point
        assert shown.name == "Night ward" and shown == named_point(desk, "starter", name)
    assert choosable_points(desk, "starter") == ["Night ward@2", "Night ward@1"]


def test_a_batch_is_read_on_at_the_point_it_began_with(desk: Desk, predictor: Predictor, tmp_path: Path) -> None:
    """A newer version that is kept meanwhile changes nothing in a batch that waits."""
    batch_id = create_batch(desk, TriageRequest(paths=(tmp_path / "films",), operating_point="Night ward"))
    with desk.transaction() as session:
        values = named_point(desk, "starter", "Night ward@1").model_dump() | {"threshold": 0.0001, "uncertain_low": 0}
        session.add(tables.OperatingPoint(checkpoint_hash=CardOnly.hash, version=3, **values))
    work_on_batch(desk, batch_id, predictor=predictor)
    assert findings(desk, batch_id) == {"normal"}


@pytest.mark.parametrize("asked", ["Night ward@9", "night", "@", "Day"])
def test_a_point_that_is_not_there_is_said(desk: Desk, tmp_path: Path, asked: str) -> None:
    """The sentence names what was asked for and what there is; nothing is recorded."""
    with pytest.raises(InputNotFoundError, match=r"no operating point.*It has: .*Night ward"):
        create_batch(desk, TriageRequest(paths=(tmp_path / "films",), operating_point=asked))
    with desk.reading() as session:
        assert session.query(tables.Batch).count() == 0


def test_names_may_hold_any_sign() -> None:
    """Only a whole number after the last @ is a version."""
    assert PointName.read("a@b") == PointName("a@b")
    assert PointName.read(" ward, evenings@12 ") == PointName("ward, evenings", 12)
    assert PointName.read("a@b@2") == PointName("a@b", 2)
    assert PointName.read("ward@0") == PointName("ward@0")


def test_a_model_that_goes_in_the_middle_costs_no_finished_film(
    desk: Desk, predictor: Predictor, tmp_path: Path
) -> None:
    """Resumed without its model, a batch fails with a sentence, and what was read before is kept."""
    batch_id = create_batch(desk, TriageRequest(paths=(tmp_path / "films",)))
    work_on_batch(desk, batch_id, predictor=predictor)
    num_read = get_batch(desk, batch_id).num_done
    write_phantom_folder(tmp_path / "films" / "more", 2, seed=5)
    with desk.transaction() as session:
        batch = session.get_one(tables.Batch, batch_id)
        batch.state, batch.request = "stopped", {**batch.request, "model": "run:gone"}
    with desk.transaction() as session:
        session.get_one(tables.Batch, batch_id).state = "queued"
    with pytest.raises(InputNotFoundError):
        work_on_batch(desk, batch_id)
    status = get_batch(desk, batch_id)
    assert status.state == "failed" and "There is no run 'gone'" in status.error
    counts = count_bands(desk, [status.id])[status.id]
    assert status.num_done == num_read and sum(counts[band] for band in BANDS) == num_read
