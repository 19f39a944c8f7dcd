"""Ensembles of finished runs: fitted on validation images alone, stored whole, read with like any model.

Shapes: K members, N images.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.errors import EvaluationError
from core.evaluation.calibration import PlattScaling, fit_platt_scaling
from core.evaluation.ensembling import Voting, fit_weights
from core.evaluation.operating_point import OperatingPoint, OperatingPointRule, choose_operating_point
from core.language import mark, tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, SPLIT_FILE, Checkpoint, load_checkpoint, read_card
from core.model.ensemble import Ensemble, read_recipe, save_ensemble, save_member
from core.model.ensemble_recipe import EnsembleMember, EnsembleRecipe
from core.services.desk import Desk
from core.services.desk.provenance import code_version
from core.services.evaluation.assembly import assembled
from core.services.evaluation.predictions import (
    CHOOSING_SPLITS,
    PredictedFilms,
    joined,
    keep_predictions,
    load_predictions,
)
from core.services.models.kept_cards import keep_card
from core.services.models.lookup import ENSEMBLE, ensemble_folder, record_model, unchanged_card
from core.services.models.operating_points import operating_point_of, record_operating_point
from core.services.runs.record import RunRecord, get_record, resolve_run_ids

MOST_MEMBERS = 8
LONGEST_ENGINE = 64
NAME = re.compile(r"[\w][\w.+-]{0,59}")
LIMITS = (
    "The figures of the validation images chose the weights of a weighted mean and are mildly optimistic for it; "
    "those of the calibration images fitted its probabilities.",
    "Members with a smaller input than the largest get their images made smaller from that one.",
)


class EnsembleRequest(BaseModel):
    """Which runs are made one, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description=mark("What the ensemble is called: letters, digits, dots, dashes, underscores."))
    runs: tuple[str, ...] = Field(description=mark("Two to eight finished runs, by id or the beginning of it."))
    voting: Voting = Field(
        default=Voting.SOFT,
        description=mark(
            "soft: mean probability; weighted: mean with weights fitted on the validation images; hard: share of "
            "members that flag the image at their own thresholds."
        ),
    )
    half_precision: bool = Field(
        default=False, description=mark("Keep matrices and kernels at 16 bits: half the size, computed with at 32.")
    )
    rule: OperatingPointRule = OperatingPointRule()


@dataclass(frozen=True)
class EnsembleSummary:
    """One ensemble as lists show it."""

    name: str
    folder: Path
    recipe: EnsembleRecipe
    card: ModelCard
    num_bytes: int

    @property
    def idle_members(self) -> tuple[str, ...]:
        """The members that the fit gave no part: they cost time and change nothing."""
        return tuple(member.name for member in self.recipe.members if not member.weight)

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document."""
        return {
            "name": self.name,
            "hash": self.card.weights_hash,
            "folder": str(self.folder),
            "num_bytes": self.num_bytes,
            "voting": self.recipe.voting.value,
            "members": [member.model_dump(mode="json") for member in self.recipe.members],
            "operating_point": self.card.operating_point.model_dump() if self.card.operating_point else None,
            "metrics": {fold: report.model_dump(mode="json") for fold, report in self.card.metrics.items()},
        }


def create_ensemble(desk: Desk, request: EnsembleRequest) -> EnsembleSummary:
    """Make an ensemble of finished runs from their stored predictions, and keep it in a folder of its own.

    Weights are fitted on the validation images, probabilities on the calibration images, the operating point on both,
    as a run does. Raises EvaluationError in a sentence where the runs do not go together or the name is taken.
    """
    folder = desk.settings.ensembles / _free_name(desk, request.name)
    records = _chosen_runs(desk, request.runs)
    predicted = _same_films(desk, records)
    members = [_member(desk, record) for record in records]
    weights_K = _weights(request.voting, predicted["validation"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        made = Path(temporary) / folder.name
        stored = [
            save_member(made / _member_folder(place), member, half_precision=request.half_precision)
            for place, member in enumerate(members)
        ]
        recipe = _recipe(request.voting, members, stored, weights_K)
        ensemble = _fitted(request, made, recipe, stored, predicted)
        # The folds are the same for all members; with them, `validation` names images for the ensemble too.
        if (records[0].folder / SPLIT_FILE).is_file():
            shutil.copyfile(records[0].folder / SPLIT_FILE, made / SPLIT_FILE)
        made.rename(folder)
    _keep(desk, ensemble, folder, predicted)
    return show_ensemble(desk, request.name)


def list_ensembles(desk: Desk) -> list[EnsembleSummary]:
    """Return every ensemble of this desk, by name."""
    return [_summary(path.parent) for path in sorted(desk.settings.ensembles.glob(f"*/{CARD_FILE}"))]


def show_ensemble(desk: Desk, name: str) -> EnsembleSummary:
    """Return one ensemble; raises InputNotFoundError."""
    return _summary(ensemble_folder(desk, name))


def _summary(folder: Path) -> EnsembleSummary:
    num_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return EnsembleSummary(folder.name, folder, read_recipe(folder), read_card(folder), num_bytes)


def _free_name(desk: Desk, name: str) -> str:
    if not NAME.fullmatch(name):
        raise EvaluationError(
            tr("An ensemble needs a name of at most 60 letters, digits, dots, dashes or underscores.")
        )
    if (desk.settings.ensembles / name).exists():
        raise EvaluationError(
            tr("An ensemble is called {name!r} already, and ensembles never change: name it otherwise.", name=name)
        )
    return name


def _chosen_runs(desk: Desk, runs: Sequence[str]) -> list[RunRecord]:
    ids = tuple(dict.fromkeys(resolve_run_ids(desk, runs)))
    if not 2 <= len(ids) <= MOST_MEMBERS:
        raise EvaluationError(
            tr(
                "An ensemble has 2 to {most} different members; {num_given} were given.",
                most=MOST_MEMBERS,
                num_given=len(ids),
            )
        )
    records = [get_record(desk, run_id) for run_id in ids]
    if lacking := [f"{record.name} ({record.id})" for record in records if not record.has_checkpoint]:
        raise EvaluationError(
            tr("These runs have no finished model on this desk: {lacking}.", lacking=", ".join(lacking))
        )
    return records


def _member(desk: Desk, record: RunRecord) -> Checkpoint:
    unchanged_card(desk, f"run:{record.id}")
    return load_checkpoint(record.folder / "checkpoint")


def _same_films(desk: Desk, records: Sequence[RunRecord]) -> dict[str, list[PredictedFilms]]:
    """Return each fold's predictions in the members' order; all members must have held the same images back."""
    hashes = [record.checkpoint_hash or "" for record in records]
    found = {}
    with desk.reading() as session:
        for fold in CHOOSING_SPLITS:
            kept = load_predictions(session, hashes, fold)
            if lacking := [record.name for record, one in zip(records, hashes, strict=True) if one not in kept]:
                raise EvaluationError(
                    tr(
                        "Of {lacking} no predictions on the {fold} images are kept.",
                        lacking=", ".join(lacking),
                        fold=fold,
                    )
                )
            found[fold] = [kept[one] for one in hashes]
    for fold, sets in found.items():
        if others := [
            record.name
            for record, one in zip(records, sets, strict=True)
            if one.films.fingerprint != sets[0].films.fingerprint
        ]:
            raise EvaluationError(
                tr(
                    "{others} and {name} were trained on different splits: their {fold} images are not the same, so "
                    "what one held back the other may have learnt. Choose runs of one split.",
                    others=", ".join(others),
                    name=records[0].name,
                    fold=fold,
                )
            )
    return found


def _weights(voting: Voting, validation: Sequence[PredictedFilms]) -> np.ndarray:
    if voting is not Voting.WEIGHTED:
        return np.full(len(validation), 1 / len(validation))
    return fit_weights(validation[0].films.labels_N, np.stack([one.probabilities for one in validation]))


def _member_folder(place: int) -> str:
    return f"members/{place + 1}"


def _recipe(
    voting: Voting, members: Sequence[Checkpoint], stored: Sequence[Checkpoint], weights_K: np.ndarray
) -> EnsembleRecipe:
    entries = tuple(
        EnsembleMember(
            name=member.card.name,
            folder=_member_folder(place),
            run_id=member.card.run_id,
            checkpoint_hash=kept.hash,
            source_hash=member.hash,
            architecture=member.card.architecture,
            image_size=member.card.preprocessing.image_size,
            calibration=member.card.calibration,
            threshold=operating_point_of(member.card).threshold,
            weight=float(weight),
        )
        for place, (member, kept, weight) in enumerate(zip(members, stored, weights_K, strict=True))
    )
    with_gate = [place for place, member in enumerate(members) if member.gate]
    return EnsembleRecipe(voting=voting, members=entries, gate_member=with_gate[0] if with_gate else 0)


def _fitted(
    request: EnsembleRequest,
    folder: Path,
    recipe: EnsembleRecipe,
    members: Sequence[Checkpoint],
    predicted: Mapping[str, Sequence[PredictedFilms]],
) -> Ensemble:
    """Calibrate, choose the operating point, evaluate and save."""
    logits = {fold: recipe.combine([one.logits_N for one in sets]) for fold, sets in predicted.items()}
    films = {fold: sets[0].films for fold, sets in predicted.items()}
    calibration = fit_platt_scaling(logits["calibration"], films["calibration"].labels_N)
    point = _operating_point(predicted, logits, calibration, request.rule)
    reports = {
        fold: films[fold].judge(calibration.apply(logits[fold]), point.threshold, _engines_of(predicted[fold]))
        for fold in logits
    }
    leading = members[recipe.gate_member].card
    largest = max(members, key=lambda member: member.card.preprocessing.image_size).card
    card = leading.model_copy(
        update={
            "name": request.name,
            "preprocessing": leading.preprocessing.model_copy(update={"image_size": largest.preprocessing.image_size}),
            "run_id": None,
            "config": {},
            "extras_hash": "",
            "calibration": calibration,
            "operating_point": point,
            "metrics": reports,
            "origin": "; ".join(dict.fromkeys(member.card.origin for member in members)),
            "limits": (*leading.limits, *LIMITS),
            "code_version": code_version(),
            "created_at": datetime.now(UTC),
        }
    )
    return save_ensemble(folder, recipe, card, members)


def _operating_point(
    predicted: Mapping[str, Sequence[PredictedFilms]],
    logits: Mapping[str, np.ndarray],
    calibration: PlattScaling,
    rule: OperatingPointRule,
) -> OperatingPoint:
    films = joined([predicted[fold][0].films for fold in CHOOSING_SPLITS])
    return choose_operating_point(
        films.labels_N,
        calibration.apply(np.concatenate([logits[fold] for fold in CHOOSING_SPLITS])),
        rule,
        name=rule.kind,
        chosen_on=f"validation and calibration folds ({films.counted})",
    )


def _keep(desk: Desk, ensemble: Ensemble, folder: Path, predicted: Mapping[str, Sequence[PredictedFilms]]) -> None:
    """Record the ensemble as a model, with its own predictions on the images that chose."""
    with desk.transaction() as session:
        record_model(session, ensemble.card, folder)
        record_operating_point(session, ensemble.card)
        keep_card(session, f"{ENSEMBLE}{folder.name}", folder)
        for fold in predicted:
            keep_predictions(session, ensemble_predictions(ensemble.card, ensemble.recipe, predicted[fold]))


def _engines_of(members: Sequence[PredictedFilms]) -> str:
    """Return what computed the members' scores, which the ensemble's are made from."""
    return " and ".join(dict.fromkeys(one.engine for one in members))[:LONGEST_ENGINE]


def ensemble_predictions(card: ModelCard, recipe: EnsembleRecipe, members: Sequence[PredictedFilms]) -> PredictedFilms:
    """Return what an ensemble says of images that its members, in order, have all read."""
    first = members[0]
    logits_N = recipe.combine([one.logits_N for one in members])
    engine, report = _engines_of(members), card.metrics.get(first.split)
    return assembled(card, first.split, first.cohort_fingerprint, engine, first.films, logits_N, report)
