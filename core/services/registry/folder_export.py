"""A model leaves the desk: its checkpoint folder, with the record of the run that made it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import InputNotFoundError, PneumoDeskError
from core.language import tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, GATE_FILE, SPLIT_FILE, WEIGHTS_FILE, write_atomically
from core.model.ensemble import Ensemble
from core.services.desk import Desk
from core.services.evaluation.gate_roc import measure_gate
from core.services.evaluation.predictions import CHOOSING_SPLITS
from core.services.models.kept_cards import keep_card
from core.services.models.loading import load_predictor
from core.services.models.lookup import find_model
from core.services.registry.facts import model_facts, write_facts
from core.services.registry.shown_figures import count_card_looks
from core.services.runs.listing import show_run

RECORD_FILE = "run.json"
Pictures = tuple[Path | None, str, Path | None]
"""A folder of pictures that are no chest images, what they are, and the dataset's folder."""


# What the card shall say is given by keyword, each by itself: the one caller is a command of so many options.
def export_model(
    desk: Desk,
    model: str,
    folder: Path,
    *,
    name: str | None = None,
    data: Path | None = None,
    pictures: Path | None = None,
    pictures_description: str = "",
    origin: str = "",
) -> ModelCard:
    """Copy a model to a folder with the record of its run or of its members' runs and what was measured of it.

    `origin` is added to what the card says of its first weights: of a file the desk does not know where it came from.

    With `pictures`, a folder of pictures that are no chest images, and `data`, the dataset the model was trained
    on, the gate is measured on them against the images of the run's validation and calibration folds, and its
    ROC is written into the card. Raises PneumoDeskError if the run's record is missing.
    """
    checkpoint = find_model(desk, model)
    if isinstance(checkpoint, Ensemble):
        card = checkpoint.card.model_copy(update=_renamed(checkpoint.card, name, origin))
        return _export_ensemble(
            desk, model, replace(checkpoint, card=card), folder, (pictures, pictures_description, data)
        )
    if checkpoint.card.run_id is None or checkpoint.folder is None:
        raise InputNotFoundError(
            tr("The model {model} was made by no run on this desk, so there is no record to go with it.", model=model)
        )
    record = show_run(desk, checkpoint.card.run_id)
    run_folder = Path(record["folder"])
    card = checkpoint.card.model_copy(update=_renamed(checkpoint.card, name, origin))
    card = _with_gate_measured(desk, model, card, run_folder, (pictures, pictures_description, data))
    folder.mkdir(parents=True, exist_ok=True)
    for file in (WEIGHTS_FILE, GATE_FILE):
        if (checkpoint.folder / file).exists():
            shutil.copyfile(checkpoint.folder / file, folder / file)
    write_atomically(folder / CARD_FILE, (card.model_dump_json(indent=1) + "\n").encode())
    write_atomically(folder / RECORD_FILE, _document(record).encode())
    shutil.copyfile(run_folder / SPLIT_FILE, folder / SPLIT_FILE)
    _write_facts(desk, card, folder)
    return card


def _renamed(card: ModelCard, name: str | None, origin: str) -> dict[str, str]:
    return {"name": name or card.name, "origin": "; ".join(filter(None, (card.origin, origin)))}


def _export_ensemble(desk: Desk, model: str, ensemble: Ensemble, folder: Path, pictures: Pictures) -> ModelCard:
    """Copy an ensemble whole, with the record of each member's run beside the member's weights."""
    if ensemble.folder is None:
        raise InputNotFoundError(tr("The ensemble {model} has no folder that could be copied.", model=model))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PneumoDeskError(tr("{folder} is not empty. Name a new folder for the ensemble.", folder=folder))
    members = ensemble.recipe.members
    if lacking := [member.name for member in members if member.run_id is None]:
        raise InputNotFoundError(
            tr("These members were made by no run on this desk: {lacking}.", lacking=", ".join(lacking))
        )
    records = [show_run(desk, member.run_id or "") for member in members]
    run_folder = Path(records[ensemble.recipe.gate_member]["folder"])
    card = _with_gate_measured(desk, model, ensemble.card, run_folder, pictures)
    shutil.copytree(ensemble.folder, folder, dirs_exist_ok=True)
    write_atomically(folder / CARD_FILE, (card.model_dump_json(indent=1) + "\n").encode())
    for member, record in zip(members, records, strict=True):
        write_atomically(folder / member.folder / RECORD_FILE, _document(record).encode())
    shutil.copyfile(run_folder / SPLIT_FILE, folder / SPLIT_FILE)
    _write_facts(desk, card, folder)
    return card


def _write_facts(desk: Desk, card: ModelCard, folder: Path) -> None:
    """Lay what is known of a model beside its card, its leaving among it; the card is known as it is there."""
    count_card_looks(desk, card, "exported", model_facts(desk, card, folder).openings)
    write_facts(model_facts(desk, card, folder), folder)
    with desk.transaction() as session:
        keep_card(session, str(folder.absolute()), folder)


def _with_gate_measured(desk: Desk, model: str, card: ModelCard, run_folder: Path, pictures: Pictures) -> ModelCard:
    folder, description, data = pictures
    if folder is None or card.gate is None:
        return card
    if data is None:
        raise PneumoDeskError(
            tr("To measure the gate, name the dataset's folder too: its images are those that must pass.")
        )
    roc = measure_gate(desk, load_predictor(desk, model), judged_films(run_folder, data), folder, description)
    return card.model_copy(update={"gate": card.gate.model_copy(update={"roc": roc})})


def judged_films(run_folder: Path, data: Path) -> list[Path]:
    """Return the images of a run's validation and calibration folds, below the dataset's folder."""
    split = pd.read_csv(run_folder / SPLIT_FILE)
    return [data / file for file in split.loc[split["fold"].isin(CHOOSING_SPLITS), "file"]]


def _document(record: dict[str, Any]) -> str:
    """Return the run's record without places on this machine."""
    kept = {name: value for name, value in record.items() if name != "folder"}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
