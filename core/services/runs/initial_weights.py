"""Where a run's first weights come from: runs of this desk are found, and nobody begins with images that evaluate.

A network that was trained on other folds of the same images has learnt some of those that would evaluate what continues
from it: every figure would be too good.
"""

from pathlib import Path

from core.errors import CheckpointError, CohortError, SettingsError
from core.language import tr
from core.model.card import ModelCard
from core.model.catalogue import WeightsSource
from core.model.checkpoint import CARD_FILE, read_card
from core.services.desk import Desk
from core.services.runs.record import RunRecord, get_record, resolve_run_ids
from core.training.config import TrainingConfig


def settle_first_weights(desk: Desk, config: TrainingConfig) -> TrainingConfig:
    """Return a config that names its first runs by their whole ids; unchanged where it begins with none.

    Raises InputNotFoundError for a run that is not there, and SettingsError if one has no model or another network.
    """
    if config.weights is not WeightsSource.RUNS:
        return config
    ids = tuple(dict.fromkeys(resolve_run_ids(desk, config.first_runs)))
    for record in (get_record(desk, run_id) for run_id in ids):
        if not record.has_checkpoint:
            raise SettingsError(
                tr(
                    "The run {name} ({run_id}) has no finished model on this desk to begin with.",
                    name=record.name,
                    run_id=record.id,
                )
            )
        if (trained := record.config.get("architecture")) != config.architecture:
            raise SettingsError(
                tr(
                    "The run {name} ({run_id}) trained {trained}: choose that network, or runs of {architecture}.",
                    name=record.name,
                    run_id=record.id,
                    trained=trained,
                    architecture=config.architecture,
                )
            )
    return config.model_copy(update={"average_of": ",".join(ids)})


def first_checkpoints(desk: Desk, config: TrainingConfig) -> tuple[Path, ...]:
    """Return the folders of the checkpoints whose mean a run begins with, none where it begins otherwise."""
    if config.weights is not WeightsSource.RUNS:
        return ()
    return tuple(_checkpoint(record) for record in _first_runs(desk, config))


def check_folds(desk: Desk, config: TrainingConfig, cohort_fingerprint: str, split_fingerprint: str) -> None:
    """Raise CohortError if the first weights were fitted to other folds of the same images."""
    for card in _cards(desk, config):
        if card.cohort_fingerprint == cohort_fingerprint and card.split_fingerprint != split_fingerprint:
            raise CohortError(
                tr(
                    "The first weights are of {name}, which was trained on other folds of these images: it may have "
                    "learnt images that would evaluate the new run. Save its folds with `python -m core splits adopt` "
                    "and train on those, or begin with other weights.",
                    name=card.name,
                )
            )


def _cards(desk: Desk, config: TrainingConfig) -> list[ModelCard]:
    if config.weights is WeightsSource.RUNS:
        return [read_card(folder) for folder in first_checkpoints(desk, config)]
    if config.weights_file is None or not (config.weights_file.parent / CARD_FILE).is_file():
        return []
    try:
        return [read_card(config.weights_file.parent)]
    except CheckpointError:
        # Some other program's card; of weights without one of ours nothing is known either.
        return []


def _first_runs(desk: Desk, config: TrainingConfig) -> list[RunRecord]:
    return [get_record(desk, run_id) for run_id in config.first_runs]


def _checkpoint(record: RunRecord) -> Path:
    if not record.has_checkpoint:
        raise SettingsError(
            tr("The model of the run {name} ({run_id}), to begin with, is gone.", name=record.name, run_id=record.id)
        )
    return record.folder / "checkpoint"
