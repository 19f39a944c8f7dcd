"""Models by name: the bundled one, a run's checkpoint, or a checkpoint folder."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import CheckpointError, InputNotFoundError
from core.evaluation.operating_point import OperatingPoint
from core.language import tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, Checkpoint, read_card
from core.model.ensemble import Ensemble, load_model
from core.model.identity import reader_identity
from core.services.desk import Desk
from core.services.models.kept_cards import check_card
from db import models as tables

STARTER = "starter"
ACTIVE = "active"
"""Names whichever model version the desk reads with now."""
ENSEMBLE = "ensemble:"
IMPORTED = "imported:"
VERSION_NAME = re.compile(r"(?P<name>\w[\w.+-]{0,59})@(?P<version>[1-9]\d{0,8})")
STARTER_FOLDER = Path(__file__).resolve().parents[2] / "model" / "starter"


@dataclass(frozen=True)
class ModelSummary:
    """One model as lists show it."""

    name: str
    architecture: str
    checkpoint_hash: str
    run_id: str | None
    operating_point: OperatingPoint | None
    folder: Path
    card: ModelCard


def list_models(desk: Desk) -> list[ModelSummary]:
    """Return the bundled model, promoted versions but archived ones, runs' checkpoints (newest first), ensembles."""
    found = [_summary(STARTER, STARTER_FOLDER)] if (STARTER_FOLDER / CARD_FILE).exists() else []
    with desk.reading() as session:
        promoted = session.scalars(
            select(tables.PromotedVersion)
            .where(tables.PromotedVersion.archived_at.is_(None))
            .order_by(tables.PromotedVersion.name, tables.PromotedVersion.version.desc())
        ).all()
        rows = session.execute(
            select(tables.Run.id, tables.Run.folder)
            .where(tables.Run.checkpoint_hash.is_not(None))
            .order_by(tables.Run.created_at.desc())
        ).all()
    for one in promoted:
        folder = version_folder(desk, one.name, one.version)
        if (folder / CARD_FILE).exists():
            found.append(_summary(f"{one.name}@{one.version}", folder))
    for run_id, folder in rows:
        if (Path(folder) / "checkpoint" / CARD_FILE).exists():
            found.append(_summary(f"run:{run_id}", Path(folder) / "checkpoint"))
    folders = sorted(desk.settings.ensembles.glob(f"*/{CARD_FILE}"))
    found += [_summary(f"{ENSEMBLE}{path.parent.name}", path.parent) for path in folders]
    folders = sorted(desk.settings.imported.glob(f"*/{CARD_FILE}"))
    return [*found, *(_summary(f"{IMPORTED}{path.parent.name}", path.parent) for path in folders)]


def model_card(desk: Desk, name: str) -> ModelCard:
    """Return only the card of a model, which needs neither its weights nor torch; raises PneumoDeskError."""
    return read_card(model_folder(desk, name))


def find_model(desk: Desk, name: str) -> Checkpoint | Ensemble:
    """Return the model that `starter`, `run:RUN`, `ensemble:NAME` or a path names.

    Raises InputNotFoundError, and CheckpointError if a file of it was changed.
    """
    name = resolve_model(desk, name)
    unchanged_card(desk, name)
    return load_model(model_folder(desk, name))


def unchanged_card(desk: Desk, name: str) -> ModelCard:
    """Return the card that a model is to be used by; raises CheckpointError if it was changed after it was made."""
    name = resolve_model(desk, name)
    folder = model_folder(desk, name)
    if version := VERSION_NAME.fullmatch(name):
        with desk.reading() as session:
            promoted = session.scalar(
                select(tables.PromotedVersion.card_hash).where(
                    tables.PromotedVersion.name == version["name"],
                    tables.PromotedVersion.version == int(version["version"]),
                )
            )
        content = (folder / CARD_FILE).read_bytes()
        if promoted is not None and hashlib.sha256(content).hexdigest() != promoted:
            raise CheckpointError(
                tr(
                    "The card of {name} was changed after it was promoted: its threshold can no longer be trusted. "
                    "Promote the model again as its next version.",
                    name=name,
                )
            )
        return read_card(folder)
    # The bundled model comes with the desk's own code, and is another with each version of it.
    if name == STARTER:
        return read_card(folder)
    is_desks_own = name.startswith(("run:", ENSEMBLE, IMPORTED))
    return check_card(desk, name if is_desks_own else str(folder.absolute()), folder, is_desks_own=is_desks_own)


def model_folder(desk: Desk, name: str) -> Path:
    """Return the folder that `active`, `starter`, `NAME@VERSION`, `run:RUN`, `ensemble:NAME` or a path names.

    Raises InputNotFoundError.
    """
    name = resolve_model(desk, name)
    if name == STARTER:
        return STARTER_FOLDER
    if name.startswith("run:"):
        return _run_folder(desk, name.removeprefix("run:")) / "checkpoint"
    if name.startswith(ENSEMBLE):
        return ensemble_folder(desk, name.removeprefix(ENSEMBLE))
    if name.startswith(IMPORTED):
        return _imported_folder(desk, name.removeprefix(IMPORTED))
    if (version := VERSION_NAME.fullmatch(name)) and (
        (folder := version_folder(desk, version["name"], int(version["version"]))) / CARD_FILE
    ).is_file():
        return folder
    if (Path(name) / CARD_FILE).is_file():
        return Path(name)
    raise InputNotFoundError(
        tr(
            "There is no model called {name!r}. Use {starter!r}, NAME@VERSION of a promoted one, `run:RUN` with a run "
            "from `runs list`, `ensemble:NAME`, `imported:NAME` or the path of a checkpoint folder; `models list` "
            "shows what there is.",
            name=name,
            starter=STARTER,
        )
    )


def resolve_model(desk: Desk, name: str) -> str:
    """Return the name of a model, that of the active one for `active`: what is written down must not move with it."""
    return active_model(desk) if name == ACTIVE else name


def active_model(desk: Desk) -> str:
    """Return the active model: the bundled one until somebody activates another."""
    activation = tables.ModelActivation
    with desk.reading() as session:
        return session.scalar(select(activation.model).order_by(activation.id.desc()).limit(1)) or STARTER


def version_folder(desk: Desk, name: str, version: int) -> Path:
    """Return where a promoted version lies, whether it is there or not."""
    return desk.settings.models / name / str(version)


def ensemble_folder(desk: Desk, name: str) -> Path:
    """Return the folder of an ensemble that was made on this desk; raises InputNotFoundError."""
    folder = desk.settings.ensembles / name
    if not _has_card(folder, name):
        raise InputNotFoundError(
            tr("There is no ensemble {name!r}. `ensemble list` shows the ensembles there are.", name=name)
        )
    return folder


def record_model(session: Session, card: ModelCard, folder: Path) -> tables.ModelVersion:
    """Return the database's row for a model, adding it at first use.

    A model with the weights and the name of another, but not its card, is another reader and gets a name of its own.
    """
    identity = reader_identity(card)
    own_name = f"{card.name} (card {identity[:8]})"
    rows = session.scalars(
        select(tables.ModelVersion)
        .where(
            tables.ModelVersion.checkpoint_hash == card.weights_hash,
            tables.ModelVersion.name.in_((card.name, own_name)),
        )
        .order_by(tables.ModelVersion.id)
    ).all()
    row = next((row for row in rows if identity_of_row(row) == identity), None)
    if row is None:
        row = tables.ModelVersion(
            name=own_name if rows else card.name,
            checkpoint_hash=card.weights_hash,
            run_id=card.run_id,
            folder=str(folder),
            card=card.model_dump(mode="json"),
        )
        session.add(row)
        session.flush()
    return row


def identity_of_row(row: tables.ModelVersion) -> str:
    """Return the identity of the reader that a row describes."""
    return reader_identity(ModelCard.model_validate(row.card))


def _imported_folder(desk: Desk, name: str) -> Path:
    folder = desk.settings.imported / name
    if not _has_card(folder, name):
        raise InputNotFoundError(
            tr("No model was imported as {name!r}. `models list` shows those that were.", name=name)
        )
    return folder


def _run_folder(desk: Desk, run_id: str) -> Path:
    with desk.reading() as session:
        run = session.get(tables.Run, run_id)
        if run is None:
            raise InputNotFoundError(
                tr("There is no run {run_id!r}. `runs list` shows the runs there are.", run_id=run_id)
            )
        if run.checkpoint_hash is None:
            raise InputNotFoundError(
                tr("The run {run_id} is {state} and has no checkpoint.", run_id=run_id, state=run.state)
            )
        return Path(run.folder)


def _summary(name: str, folder: Path) -> ModelSummary:
    card = read_card(folder)
    return ModelSummary(name, card.architecture, card.weights_hash, card.run_id, card.operating_point, folder, card)


def _has_card(folder: Path, name: str) -> bool:
    """Return whether a model lies in a folder of this name; no name leads out of the folder above."""
    return Path(name).name == name and (folder / CARD_FILE).is_file()
