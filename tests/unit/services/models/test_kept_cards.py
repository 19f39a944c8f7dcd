"""What a model was when the desk first knew it is what it reads with: a changed card stops it in a sentence."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import CheckpointError
from core.evaluation.operating_point import OperatingPoint
from core.services.desk import Desk, open_desk
from core.services.experiments.ensembles import EnsembleRequest, create_ensemble
from core.services.models.loading import load_predictor
from core.services.models.lookup import find_model, model_card, model_folder
from core.services.models.operating_points import record_operating_point
from core.services.registry.promotion import PromoteRequest, promote
from core.services.registry.zip_archive import fill_from, import_into
from core.services.triage.single_films import PredictionDesk
from core.settings import AppSettings
from db import models as tables
from tests.made_runs import add_run, give_checkpoint, made_films

HIGHER = {"threshold": 0.9, "uncertain_low": 0.9, "uncertain_high": 0.9}
MODELS = ("run:first0", "imported:theirs", "ensemble:both", "PATH")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with two runs, an ensemble of them, an imported model and one in a folder beside the desk."""
    place = tmp_path_factory.mktemp("desk")
    desk = open_desk(AppSettings(home=place / "home", device="cpu"))
    for seed, run_id in enumerate(("first0", "second")):
        add_run(desk, run_id, seed=seed, films=made_films(60), splits=("validation", "calibration"))
        give_checkpoint(desk, run_id, 32, seed)
    shutil.copytree(model_folder(desk, "run:first0"), place / "beside")
    import_into(desk, "theirs", lambda made: fill_from(desk, place / "beside", made))
    create_ensemble(desk, EnsembleRequest(name="both", runs=("first0", "second")))
    return desk


@contextmanager
def edited(folder: Path, **changes: object) -> Iterator[None]:
    """Change fields of a card in its file for a while."""
    path = folder / "card.json"
    whole = path.read_text()
    path.write_text(json.dumps(json.loads(whole) | changes))
    try:
        yield
    finally:
        path.write_text(whole)


def test_an_imported_model_is_known_from_its_import_on(desk: Desk) -> None:
    """A card that is edited before the model was ever used is found too; so is one of an ensemble."""
    for model in ("imported:theirs", "ensemble:both"):
        with (
            edited(model_folder(desk, model), calibration={"slope": 0.05, "intercept": -6.0}),
            pytest.raises(CheckpointError, match="was changed"),
        ):
            find_model(desk, model)


@pytest.mark.parametrize("model", MODELS)
def test_a_changed_card_stops_every_kind_of_model(desk: Desk, model: str) -> None:
    """Whatever a model is called by, an edited threshold or calibration is refused; the former file reads again."""
    name = str(desk.settings.home.parent / "beside") if model == "PATH" else model
    find_model(desk, name)
    folder = model_folder(desk, name)
    point = json.loads((folder / "card.json").read_text())["operating_point"]
    for changes in ({"operating_point": {**point, **HIGHER}}, {"calibration": {"slope": 0.1, "intercept": 0}}):
        with (
            edited(folder, **changes),
            pytest.raises(CheckpointError, match="was changed after this desk first knew it"),
        ):
            find_model(desk, name)
    find_model(desk, name)


def test_a_model_that_was_replaced_whole_is_not_read_with_under_the_old_name(desk: Desk) -> None:
    """Other weights with a card of their own in the folder of an imported model are refused."""
    folder = model_folder(desk, "imported:theirs")
    former = folder.rename(folder.with_name(".former"))
    shutil.copytree(model_folder(desk, "run:second"), folder)
    with pytest.raises(CheckpointError, match="is not the one that this desk knows by that name"):
        find_model(desk, "imported:theirs")
    shutil.rmtree(folder)
    former.rename(folder)


def test_a_version_reads_at_the_point_it_was_promoted_with(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Single images sent by programs, and whatever else loads it, take the stored row, not what the card says."""
    version = promote(desk, PromoteRequest(source="run:first0", name="ward"))
    card = model_card(desk, version.reference)
    other = OperatingPoint(name="stored", threshold=0.7, uncertain_low=0.6, uncertain_high=0.8, rule="", chosen_on="")
    with desk.transaction() as session:
        row = record_operating_point(session, card.model_copy(update={"operating_point": other}))
        point_id = row.id
        session.add(
            tables.PromotedVersion(
                name="ward",
                version=2,
                checkpoint_hash=card.weights_hash,
                card_hash=version.card_hash,
                operating_point_id=point_id,
                source="run:first0",
                promoted_by="Ada",
            )
        )
    shutil.copytree(version.folder, version.folder.with_name("2"))
    assert load_predictor(desk, "ward@2").operating_point == other
    monkeypatch.setattr("core.services.triage.single_films.convert_apart", lambda desk, model: None)
    films = PredictionDesk(desk, "ward@2", lambda size: None)
    try:
        assert films._predictor.operating_point == other and films._lineage["operating_point_id"] == point_id
    finally:
        films.close()
