"""Promotion: a run's or an ensemble's model becomes a version of a named model, with one operating point, for good."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import EvaluationError, InputNotFoundError, PneumoDeskError
from core.evaluation.metrics import EvaluationReport
from core.evaluation.operating_point import OperatingPoint
from core.language import mark, tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, SPLIT_FILE, write_atomically
from core.services.desk import Desk
from core.services.desk.audit_trail import UNNAMED, AuditAction, record_event
from core.services.evaluation.predictions import OWN_FOLDS, load_predictions
from core.services.evaluation.test_set_access import record_looks
from core.services.models.lookup import VERSION_NAME, find_model, record_model, resolve_model, version_folder
from core.services.models.operating_points import OWN, choose_row, point_of_row
from core.services.registry.shown_figures import figures_of_card
from db import models as tables

NOT_CHOSEN = mark(
    "The model {name} has no operating point: a version reads at one that validation or calibration images chose. "
    "Choose one by `models choose-point`, or for a run on the Experiments page."
)


class PromoteRequest(BaseModel):
    """Which model becomes the next version of which name, read at which operating point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description=mark("`run:RUN`, `ensemble:NAME`, `imported:NAME`, `starter` or a folder."))
    name: str = Field(description=mark("What the model is called: letters, digits, dots, dashes, underscores."))
    operating_point: str = Field(
        default=OWN,
        max_length=140,
        description=mark("NAME or NAME@VERSION kept for this checkpoint; its card's own if empty."),
    )
    notes: str = Field(default="", max_length=2000, description=mark("Why it was promoted."))
    intended_use: str = Field(
        default="",
        max_length=2000,
        description=mark(
            "For which patients (ages, sites, views) and what it is meant; stands on its card as stated by anyone who "
            "promotes it, beside what its training images say."
        ),
    )
    limits: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(
        default=(),
        max_length=20,
        description=mark("Limits that come on top of those by its training images, a sentence each."),
    )


@dataclass(frozen=True)
class PromotedModel:
    """One version of a named model."""

    name: str
    version: int
    checkpoint_hash: str
    card_hash: str
    operating_point: OperatingPoint
    source: str
    notes: str
    promoted_by: str
    created_at: datetime
    archived_at: datetime | None
    folder: Path

    @property
    def reference(self) -> str:
        """What `--model` and every list call it: NAME@VERSION."""
        return f"{self.name}@{self.version}"

    def document(self) -> dict[str, object]:
        """Return everything as one JSON document."""
        kept = {name: value for name, value in vars(self).items() if name not in ("operating_point", "folder")}
        return {
            "model": self.reference,
            **kept,
            "operating_point": self.operating_point.model_dump(),
            "folder": str(self.folder),
        }


def promote(desk: Desk, request: PromoteRequest, actor: str | None = None) -> PromotedModel:
    """Copy a model, its hashes checked, into the desk's models folder as the next version of a name.

    The operating point is one of this very checkpoint: thresholds are never reused from the version before. The
    figures on the card are those at that threshold. Raises PneumoDeskError in a sentence; then nothing was promoted.
    """
    source = resolve_model(desk, request.source)
    if not VERSION_NAME.fullmatch(f"{request.name}@1"):
        raise EvaluationError(tr("A model needs a name of at most 60 letters, digits, dots, dashes or underscores."))
    if VERSION_NAME.fullmatch(source):
        raise EvaluationError(
            tr("{source} is a version already. Promote the run or the ensemble that it was made from.", source=source)
        )
    model = find_model(desk, source)
    if request.operating_point == OWN and model.card.operating_point is None:
        raise EvaluationError(tr(NOT_CHOSEN, name=model.card.name))
    if model.folder is None:
        raise InputNotFoundError(tr("The model {source} has no folder that could be copied.", source=source))
    with desk.transaction() as session:
        point = choose_row(session, model.card, request.operating_point)
        point_id, chosen = point.id, point_of_row(point)
    card = model.card.model_copy(
        update={
            "operating_point": chosen,
            "metrics": _reports_at(desk, model.card, chosen),
            **_stated(request, model.card, actor or UNNAMED),
        }
    )
    parent = desk.settings.models / request.name
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".new-") as temporary:
        copy = Path(temporary) / "copy"
        _copy(model.folder, copy)
        with desk.transaction() as session:
            row = _add(session, desk, request, source, card, copy, point_id, actor)
            record_looks(session, figures_of_card(card), "promoted")
            return version_of_row(desk, session, row)


def list_versions(desk: Desk, *, with_archived: bool = False) -> list[PromotedModel]:
    """Return the versions of every named model, by name, newest version first."""
    row = tables.PromotedVersion
    query = select(row).order_by(row.name, row.version.desc())
    if not with_archived:
        query = query.where(row.archived_at.is_(None))
    with desk.reading() as session:
        return [version_of_row(desk, session, one) for one in session.scalars(query)]


def get_version(desk: Desk, reference: str) -> PromotedModel:
    """Return the version that NAME@VERSION names, archived or not; raises InputNotFoundError."""
    with desk.reading() as session:
        return version_of_row(desk, session, find_row(session, reference))


def find_row(session: Session, reference: str) -> tables.PromotedVersion:
    """Return the row that NAME@VERSION names; raises InputNotFoundError."""
    found = VERSION_NAME.fullmatch(reference)
    row_of = tables.PromotedVersion
    row = found and session.scalar(
        select(row_of).where(row_of.name == found["name"], row_of.version == int(found["version"]))
    )
    if row is None:
        raise InputNotFoundError(
            tr(
                "There is no model version {reference!r}. `models list` shows the versions there are.",
                reference=reference,
            )
        )
    return row


def version_of_row(desk: Desk, session: Session, row: tables.PromotedVersion) -> PromotedModel:
    """Return what a row says."""
    kept = {
        name: getattr(row, name)
        for name in ("name", "version", "checkpoint_hash", "card_hash", "source", "notes", "promoted_by")
    }
    return PromotedModel(
        **kept,
        operating_point=point_of_row(session.get_one(tables.OperatingPoint, row.operating_point_id)),
        created_at=row.created_at,
        archived_at=row.archived_at,
        folder=version_folder(desk, row.name, row.version),
    )


def _stated(request: PromoteRequest, card: ModelCard, actor: str) -> dict[str, Any]:
    """Return intended use and limits with what is stated at promotion first; nothing that was known is taken away."""
    stated: dict[str, Any] = {}
    if use := " ".join(request.intended_use.split()):
        known = card.intended_use or "nothing is stated."
        stated["intended_use"] = f"As {actor} states at promotion: {use} By its training images: {known}"
    if limits := [said for limit in request.limits if (said := " ".join(limit.split()))]:
        stated["limits"] = (*(f"{limit} (Stated by {actor} at promotion.)" for limit in limits), *card.limits)
    return stated


def _reports_at(desk: Desk, card: ModelCard, point: OperatingPoint) -> dict[str, EvaluationReport]:
    """Return the figures at this threshold; what was evaluated at another and cannot be evaluated again is left out."""
    with desk.reading() as session:
        kept = {fold: load_predictions(session, [card.weights_hash], fold) for fold in OWN_FOLDS}
    reports = {fold: report for fold, report in card.metrics.items() if report.threshold == point.threshold}
    for fold, found in kept.items():
        predicted = found.get(card.weights_hash)
        if predicted is not None and fold not in reports:
            reports[fold] = predicted.films.judge(predicted.probabilities, point.threshold, predicted.engine)
    return reports


def _copy(source: Path, copy: Path) -> None:
    try:
        shutil.copytree(source, copy)
        split = source.parent / SPLIT_FILE
        if split.is_file() and not (copy / SPLIT_FILE).exists():
            shutil.copyfile(split, copy / SPLIT_FILE)
    except OSError as error:
        raise PneumoDeskError(
            tr(
                "The model in {source} could not be copied to {parent}: {error}.",
                source=source,
                parent=copy.parent.parent,
                error=error,
            )
        ) from error


# All that one row and its event tell, in the one transaction that also places the folder.
def _add(
    session: Session,
    desk: Desk,
    request: PromoteRequest,
    source: str,
    card: ModelCard,
    copy: Path,
    point_id: int,
    actor: str | None,
) -> tables.PromotedVersion:
    row_of, point = tables.PromotedVersion, card.operating_point
    if point is None:
        raise EvaluationError(tr(NOT_CHOSEN, name=card.name))
    version = 1 + (session.scalar(select(func.max(row_of.version)).where(row_of.name == request.name)) or 0)
    card = card.model_copy(update={"name": f"{request.name}@{version}"})
    content = (card.model_dump_json(indent=1) + "\n").encode()
    write_atomically(copy / CARD_FILE, content)
    row = row_of(
        name=request.name,
        version=version,
        checkpoint_hash=card.weights_hash,
        card_hash=hashlib.sha256(content).hexdigest(),
        operating_point_id=point_id,
        source=source,
        notes=request.notes.strip(),
        promoted_by=actor or UNNAMED,
    )
    session.add(row)
    folder = version_folder(desk, request.name, version)
    record_model(session, card, folder)
    record_event(
        session,
        actor,
        AuditAction.PROMOTION,
        card.name,
        source=source,
        checkpoint=card.weights_hash[:12],
        operating_point=f"{point.name}, threshold {point.threshold:.4f}",
        intended_use=" ".join(request.intended_use.split()),
    )
    session.flush()
    # A folder of that number without a row was left by a process that was killed between the two.
    shutil.rmtree(folder, ignore_errors=True)
    copy.rename(folder)
    return row
