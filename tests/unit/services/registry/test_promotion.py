"""Models under a name: promoted with an operating point, made active, undone, on both kinds of database."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import text

from core.errors import CheckpointError, DatabaseError, EvaluationError, InputNotFoundError
from core.evaluation.operating_point import OperatingPointRule, RuleKind
from core.model.checkpoint import CARD_FILE, load_checkpoint
from core.services.desk import Desk, open_desk
from core.services.desk.audit_trail import list_events
from core.services.evaluation.predictions import load_predictions
from core.services.evaluation.threshold_selection import keep_point
from core.services.models.lookup import ACTIVE, STARTER, active_model, find_model, list_models, model_card, model_folder
from core.services.registry.activation import (
    ActivationError,
    activate,
    archive_version,
    former_model,
    list_activations,
    restore_version,
    roll_back,
)
from core.services.registry.promotion import PromotedModel, PromoteRequest, get_version, list_versions, promote
from core.services.triage.batch_reading import TriageRequest, create_batch, run_triage
from core.services.triage.overview import describe_desk
from core.settings import AppSettings
from db import models as tables
from tests.made_runs import add_run, give_checkpoint, made_films
from tests.unit.db.conftest import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
SENSITIVE = OperatingPointRule(kind=RuleKind.TARGET_SENSITIVITY, target=0.99)


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a run that has a small network and predictions on validation images."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    desk = open_desk(AppSettings(home=tmp_path / "home", database_url=url, device="cpu"))
    add_run(desk, "first0", films=made_films(80), splits=("validation", "calibration"))
    give_checkpoint(desk, "first0", 32, 0)
    yield desk
    desk.engine.dispose()


def promoted(desk: Desk, **asked: object) -> PromotedModel:
    return promote(desk, PromoteRequest(source="run:first0", name="ward", **asked), "Ada")


def keep_sensitive_point(desk: Desk) -> float:
    hash_ = model_card(desk, "run:first0").weights_hash
    with desk.reading() as session:
        predicted = load_predictions(session, [hash_], "validation")[hash_]
    return keep_point(desk, predicted, SENSITIVE, "sensitive").point.threshold


def test_a_version_is_a_whole_copy_with_the_chosen_point_and_its_figures(desk: Desk) -> None:
    """The weights and their hash stay, the card carries the named point and the figures at that threshold."""
    threshold = keep_sensitive_point(desk)
    version = promoted(desk, operating_point="sensitive", notes="for the ward")
    copy = load_checkpoint(version.folder)
    assert version.reference == copy.card.name == "ward@1"
    assert copy.hash == load_checkpoint(model_folder(desk, "run:first0")).hash
    assert copy.card.operating_point.threshold == threshold != 0.5
    assert {fold: report.threshold for fold, report in copy.card.metrics.items()} == {
        "validation": threshold,
        "calibration": threshold,
    }
    assert copy.card.metrics["validation"].sensitivity >= 0.99
    assert "ward@1" in [model.name for model in list_models(desk)]
    assert [event.action for event in list_events(desk)] == ["promotion"]


def test_whoever_promotes_says_for_whom_a_version_is_meant(desk: Desk) -> None:
    """Use and limits stand on the card as stated by the promoter, before those by its images, which stay."""
    before = model_card(desk, "run:first0")
    said = promoted(desk, intended_use="Adults over 18,\n two sites.", limits=("No portable images.", "  "))
    card = load_checkpoint(said.folder).card
    assert card.intended_use.startswith("As Ada states at promotion: Adults over 18, two sites. By its training images")
    assert card.limits == ("No portable images. (Stated by Ada at promotion.)", *before.limits)
    silent = load_checkpoint(promoted(desk).folder).card
    assert (silent.intended_use, silent.limits) == (before.intended_use, before.limits)
    assert "Adults over 18, two sites." in str([event.detail for event in list_events(desk)])


def test_the_next_version_inherits_no_operating_point(desk: Desk) -> None:
    """Another checkpoint cannot be promoted at the first one's point, and takes its own if none is named."""
    keep_sensitive_point(desk)
    promoted(desk, operating_point="sensitive")
    add_run(desk, "second", films=made_films(80), splits=("validation",))
    give_checkpoint(desk, "second", 32, 1)
    with pytest.raises(InputNotFoundError, match="no operating point 'sensitive'"):
        promote(desk, PromoteRequest(source="run:second", name="ward", operating_point="sensitive"))
    second = promote(desk, PromoteRequest(source="run:second", name="ward"))
    assert (second.version, second.operating_point.name) == (2, "youden")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"name": "../out"}, "needs a name"),
        ({"source": "ward@1"}, "is a version already"),
        ({"source": "run:none"}, "no run 'none'"),
        ({"operating_point": "other"}, "no operating point 'other'"),
    ],
)
def test_what_cannot_be_promoted_is_refused_and_leaves_nothing(
    desk: Desk, asked: dict[str, str], sentence: str
) -> None:
    """A wrong name, source or point is answered in a sentence, and no version and no folder is there afterwards."""
    promoted(desk)
    with pytest.raises((EvaluationError, InputNotFoundError), match=sentence):
        promote(desk, PromoteRequest(**{"source": "run:first0", "name": "ward"} | asked))
    assert [version.reference for version in list_versions(desk)] == ["ward@1"]
    assert [path.name for path in desk.settings.models.rglob("*") if path.is_dir()] == ["ward", "1"]


def test_activation_and_rollback_move_what_the_desk_reads_with(desk: Desk) -> None:
    """The bundled model reads until a version is activated; each rollback goes one further back; all is recorded."""
    first, second = promoted(desk).reference, promoted(desk).reference
    assert active_model(desk) == STARTER
    assert former_model(desk) is None
    activate(desk, first, "Ada")
    activate(desk, second, "Bob")
    assert describe_desk(desk).card.name == model_card(desk, ACTIVE).name == "ward@2"
    assert [roll_back(desk, "Eve").model for _ in range(2)] == [first, STARTER]
    with pytest.raises(ActivationError, match="nothing to roll back to"):
        roll_back(desk)
    assert [(one.model, one.kind, one.actor) for one in list_activations(desk)] == [
        (STARTER, "rolled back", "Eve"),
        (first, "rolled back", "Eve"),
        (second, "activated", "Bob"),
        (first, "activated", "Ada"),
    ]
    assert [event.subject for event in list_events(desk)][:4] == [STARTER, first, second, first]


def test_a_batch_keeps_the_model_that_was_active_when_it_was_given(desk: Desk, tmp_path: Path) -> None:
    """A batch that is resumed after another activation still asks for the model it was recorded with."""
    activate(desk, promoted(desk).reference)
    batch_id = create_batch(desk, TriageRequest(paths=(tmp_path,)))
    roll_back(desk)
    with desk.reading() as session:
        batch = session.get_one(tables.Batch, batch_id)
        assert (batch.request["model"], batch.model_version.name) == ("ward@1", "ward@1")


def test_an_archived_version_is_out_of_use_until_it_is_taken_back(desk: Desk) -> None:
    """The active version cannot be archived; an archived one is neither listed, activated nor rolled back to."""
    first, second = promoted(desk).reference, promoted(desk).reference
    activate(desk, first)
    activate(desk, second)
    with pytest.raises(ActivationError, match="is the active model"):
        archive_version(desk, second)
    archive_version(desk, first, "Ada")
    assert [version.reference for version in list_versions(desk)] == [second]
    assert first not in [model.name for model in list_models(desk)]
    with pytest.raises(ActivationError, match="is archived"):
        activate(desk, first)
    assert former_model(desk) == STARTER
    assert restore_version(desk, first).archived_at is None
    assert roll_back(desk).model == first


def test_changed_files_are_never_activated(desk: Desk) -> None:
    """A card whose threshold was edited, and weights that were touched, are refused in a sentence."""
    version = promoted(desk)
    card = version.folder / CARD_FILE
    whole = card.read_text()
    card.write_text(whole.replace('"threshold": 0.5', '"threshold": 0.4', 1).replace('_low": 0.5', '_low": 0.4'))
    with pytest.raises(CheckpointError, match="was changed after it was promoted"):
        activate(desk, version.reference)
    card.write_text(whole)
    with (version.folder / "weights.safetensors").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(CheckpointError, match="changed or damaged"):
        activate(desk, version.reference)
    assert active_model(desk) == STARTER


@pytest.mark.parametrize("file", [CARD_FILE, "weights.safetensors"])
def test_the_active_version_reads_nothing_once_its_files_were_changed(desk: Desk, tmp_path: Path, file: str) -> None:
    """What was whole when it was made active and is not so now neither reads an image nor begins a batch."""
    version = promoted(desk)
    activate(desk, version.reference)
    assert find_model(desk, ACTIVE).hash == version.checkpoint_hash
    whole = (version.folder / file).read_bytes()
    (version.folder / file).write_bytes(whole + b" ")
    with pytest.raises(CheckpointError, match="changed"):
        find_model(desk, ACTIVE)
    with pytest.raises(CheckpointError, match="changed"):
        run_triage(desk, TriageRequest(paths=(tmp_path,)))
    (version.folder / file).write_bytes(whole)
    assert find_model(desk, ACTIVE).hash == version.checkpoint_hash


def test_a_promotion_that_was_killed_half_way_is_followed_by_a_whole_one(desk: Desk) -> None:
    """A folder without a row, as a killed process leaves it, is neither listed nor taken for the next version."""
    left = desk.settings.models / "ward" / "1"
    left.mkdir(parents=True)
    (left / "weights.safetensors").write_bytes(b"half of it")
    assert list_versions(desk) == []
    version = promoted(desk)
    assert (version.reference, version.folder) == ("ward@1", left)
    assert load_checkpoint(left).hash == load_checkpoint(model_folder(desk, "run:first0")).hash


def test_a_promotion_that_fails_half_way_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the copy cannot be put into its place there is no version, event or folder; the next try is whole."""
    with monkeypatch.context() as full, pytest.raises(OSError, match="No space"):
        full.setattr(Path, "rename", Mock(side_effect=OSError(28, "No space left on device")))
        promoted(desk)
    assert (list_versions(desk), list_events(desk)) == ([], [])
    assert [path.name for path in desk.settings.models.rglob("*")] == ["ward"]
    assert promoted(desk).reference == "ward@1"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE promoted_version SET version = 9",
        "UPDATE promoted_version SET operating_point_id = 1",
        "DELETE FROM promoted_version",
        "UPDATE model_activation SET model = 'starter'",
        "DELETE FROM model_activation",
    ],
)
def test_the_database_itself_keeps_versions_and_their_history(desk: Desk, change: str) -> None:
    """What was promoted and what was active cannot be rewritten by any statement."""
    activate(desk, promoted(desk).reference)
    with pytest.raises(DatabaseError), desk.transaction() as session:
        session.execute(text(change))
    assert get_version(desk, "ward@1").version == 1
