"""Training a model: cohort, split, fit, calibration, operating point, gate, checkpoint — one recorded run."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.cohort.manifest import Cohort
from core.cohort.pixel_cache import PixelCache
from core.cohort.splitting import CohortSplit, SplitConfig, propose_split
from core.errors import CohortError
from core.services import cohorts
from core.services.desk import Desk
from core.services.predictions import keep_run_predictions
from core.services.provenance import code_version, environment
from core.training.config import TrainingConfig
from db import models as tables
from db.models import utc_now
from db.states import State

if TYPE_CHECKING:
    from core.runs.session import Fold


class TrainRequest(BaseModel):
    """What one run is asked to do, and on what."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description="The folder of the cohort.")
    name: str = Field("", description="A name for the run; its architecture and recipe if empty.")
    config: TrainingConfig = TrainingConfig()


@dataclass(frozen=True)
class TrainProgress:
    """How far a run is: which stage, and how much of it is done."""

    stage: str
    num_done: int
    num_all: int
    detail: str = ""


OnProgress = Callable[[TrainProgress], None]


@dataclass(frozen=True)
class TrainResult:
    """A finished run."""

    run_id: str
    folder: Path
    checkpoint_hash: str
    summary: dict[str, Any]


def train(desk: Desk, request: TrainRequest, on_progress: OnProgress = lambda progress: None) -> TrainResult:
    """Train a model and return its finished run; the run is recorded whether it succeeds or not."""
    cohort = cohorts.index(desk, request.data, lambda done, count: on_progress(TrainProgress("indexing", done, count)))
    config = request.config
    split = propose_split(
        cohort,
        SplitConfig(
            validation_fraction=config.validation_fraction,
            calibration_fraction=config.calibration_fraction,
            seed=0,
        ),
    )
    run_id = uuid.uuid4().hex[:12]
    name = request.name or f"{config.architecture}, {config.recipe}"
    folder = _begin(desk, run_id, name, request, cohort, split)
    # Only now, so that opening the desk or asking for help does not wait for torch.
    from core.runs.session import SessionRequest, SessionWatchers, run_session

    session_request = SessionRequest(
        run_id=run_id,
        name=name,
        config=config,
        cohort_fingerprint=cohort.fingerprint,
        split_fingerprint=split.fingerprint,
        device=desk.settings.device,
        folder=folder,
        code_version=code_version(),
    )
    watchers = SessionWatchers(
        on_stage=lambda stage, done, count, detail: on_progress(TrainProgress(stage, done, count, detail)),
        on_epoch=lambda epoch, numbers: _store_epoch(desk, run_id, epoch, numbers),
    )
    try:
        outcome = run_session(session_request, _folds(desk, cohort, split, config, on_progress), watchers)
        keep_run_predictions(desk, cohort, split, outcome)
    except BaseException as error:
        _end(desk, run_id, *_failure(error))
        raise
    _end(desk, run_id, State.COMPLETED, summary=outcome.summary, checkpoint_hash=outcome.checkpoint_hash)
    return TrainResult(run_id, folder, outcome.checkpoint_hash, outcome.summary)


def _failure(error: BaseException) -> tuple[State, str]:
    if isinstance(error, KeyboardInterrupt):
        return State.STOPPED, "stopped by the user before its end"
    return State.FAILED, f"{type(error).__name__}: {error}"


def _folds(
    desk: Desk, cohort: Cohort, split: CohortSplit, config: TrainingConfig, on_progress: OnProgress
) -> dict[str, "Fold"]:
    from core.runs.session import Fold
    from core.training.films import FilmSet

    files = list(split.assignments.index)
    cache = PixelCache.open_or_build(
        cohort,
        files,
        config.image_size,
        desk.settings.caches,
        lambda done, count: on_progress(TrainProgress("decoding", done, count)),
    )
    manifest = cohort.manifest.set_index("file")
    folds = {}
    for name in ("train", "validation", "calibration"):
        members = list(split.assignments.index[split.assignments == name])
        labels_N = (manifest.loc[members, "label"] == "pneumonia").to_numpy().astype(np.uint8)
        rows_N = np.array([cache.index_of(file) for file in members], dtype=np.int64)
        if len(np.unique(labels_N)) < 2:
            raise CohortError(
                f"The {name} fold of {cohort.root} has films of only one class, so a model can be neither trained "
                "nor judged on it. Add films of the other class, or more patients."
            )
        folds[name] = Fold(FilmSet(cache.pixels_NSS, rows_N, labels_N), manifest.loc[members, "patient"].to_numpy())
    return folds


def _begin(desk: Desk, run_id: str, name: str, request: TrainRequest, cohort: Cohort, split: CohortSplit) -> Path:
    folder = desk.settings.runs / run_id
    folder.mkdir(parents=True)
    assignments = split.assignments.rename("fold").rename_axis("file").reset_index()
    assignments.to_csv(folder / "split.csv", index=False)
    with desk.transaction() as session:
        session.add(
            tables.Run(
                id=run_id,
                name=name,
                state=State.RUNNING.value,
                config=request.config.model_dump(mode="json"),
                cohort_fingerprint=cohort.fingerprint,
                split_fingerprint=split.fingerprint,
                environment=environment(),
                folder=str(folder),
                started_at=utc_now(),
            )
        )
    return folder


def _store_epoch(desk: Desk, run_id: str, epoch: int, numbers: dict[str, float | None]) -> None:
    with desk.transaction() as session:
        session.add_all(
            tables.RunMetric(run_id=run_id, name=name, epoch=epoch + 1, value=value) for name, value in numbers.items()
        )


def _end(
    desk: Desk,
    run_id: str,
    state: State,
    error: str | None = None,
    *,
    summary: dict[str, Any] | None = None,
    checkpoint_hash: str | None = None,
) -> None:
    with desk.transaction() as session:
        run = session.get(tables.Run, run_id)
        run.state, run.error, run.finished_at = state.value, error, utc_now()
        run.summary, run.checkpoint_hash = summary or {}, checkpoint_hash
