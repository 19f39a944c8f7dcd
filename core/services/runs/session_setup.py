"""What a run's row says, as the session that carries it out needs it."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.dataset.manifest import Cohort
from core.dataset.splitting import CohortSplit, SplitConfig, propose_split
from core.services.datasets.splits import split_of
from core.services.desk import Desk
from core.services.desk.provenance import code_version
from core.services.runs.initial_weights import first_checkpoints
from core.training.config import TrainingConfig
from db import models as tables

if TYPE_CHECKING:
    from core.runs.session import SessionRequest


def session_request(
    desk: Desk, run: tables.Run, config: TrainingConfig, *, cohort_fingerprint: str = "", split_fingerprint: str = ""
) -> "SessionRequest":
    """Return what a session is asked to do for a run; only who keeps its checkpoint needs the fingerprints."""
    from core.runs.session import SessionRequest

    return SessionRequest(
        run_id=run.id,
        name=run.name,
        config=config,
        cohort_fingerprint=cohort_fingerprint,
        split_fingerprint=split_fingerprint,
        device=run.device,
        folder=Path(run.folder),
        code_version=code_version(),
        first_checkpoints=first_checkpoints(desk, config),
        seconds_between_states=60 * desk.settings.checkpoint_minutes,
    )


def split_of_run(desk: Desk, run: tables.Run, config: TrainingConfig, cohort: Cohort) -> CohortSplit:
    """Return the saved split that a run names, or else the one that its config draws."""
    if run.split_name:
        return split_of(desk, run.split_name, cohort)
    shares = SplitConfig(
        validation_fraction=config.validation_fraction,
        calibration_fraction=config.calibration_fraction,
        holdout_fraction=config.holdout_fraction,
        seed=0,
    )
    return propose_split(cohort, shares)
