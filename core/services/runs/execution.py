"""Carrying out one run, in whatever process: dataset, split, session, record; every way it can end is written down."""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from core.dataset.manifest import Cohort
from core.dataset.splitting import CohortSplit
from core.errors import PneumoDeskError, TrainingError
from core.language import tr
from core.model.checkpoint import SPLIT_FILE
from core.progress import OnProgress, Progress, counted, tell_nobody
from core.runs.failures import Failure, FailureKind, explain, next_step_with_batch
from core.runs.queueing import RUNS, end
from core.runs.reporting import Reporter, RunStopped, StepTimer, TrainingProgress, write_patiently
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.desk.provenance import environment
from core.services.evaluation.assembly import keep_run_predictions
from core.services.models.kept_cards import keep_card
from core.services.runs.cost_estimate import smaller_batch_that_fits
from core.services.runs.distributed import init_process_group
from core.services.runs.folds import folds_of
from core.services.runs.initial_weights import check_folds
from core.services.runs.session_setup import session_request, split_of_run
from core.training.config import TrainingConfig
from core.training.stored_config import read_stored_config
from db import models as tables
from db.states import State

if TYPE_CHECKING:
    from core.training.team import Team


from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.services.runs.config_resolution import resolve_config

if TYPE_CHECKING:
    pass
from core.services.runs.requests import TrainRequest, record_run


@dataclass(frozen=True)
class TrainResult:
    """A finished run."""

    run_id: str
    folder: Path
    checkpoint_hash: str
    summary: dict[str, Any]


def work_on_run(
    desk: Desk, run_id: str, on_progress: OnProgress = tell_nobody, team: "Team | None" = None
) -> TrainResult:
    """Carry out a recorded run from its beginning or its last checkpoint, and write as the last act how it ended.

    `team` names the processes that share it, of which this is the first. Raises RunStopped when it was asked to stop,
    TrainingError if another process has it, and what made it fail.
    """
    with desk.transaction() as session:
        if not RUNS.claim(session, run_id):
            raise TrainingError(
                tr("Run {run_id} does not wait to be carried out: another process has it, or it ended.", run_id=run_id)
            )
        run = session.get_one(tables.Run, run_id)
    reporter = Reporter(desk.transaction, run_id)
    try:
        with reporter, stopping_by_signal(reporter):
            result = _carry_out(desk, run, reporter, on_progress, team)
    except (RunStopped, KeyboardInterrupt):
        _end(desk, run_id, State.STOPPED)
        raise
    except BaseException as error:
        traceback.print_exc()
        _end(desk, run_id, State.FAILED, _failure(error, run))
        raise
    _end(desk, run_id, State.COMPLETED, result=result)
    return result


@contextmanager
def stopping_by_signal(reporter: Reporter) -> Iterator[None]:
    """Have SIGTERM and Ctrl-C ask for a stop, with time for a checkpoint; a second Ctrl-C ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: object) -> None:
        if number == signal.SIGINT and reporter.should_stop:
            raise KeyboardInterrupt
        reporter.stop()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _failure(error: BaseException, run: tables.Run) -> Failure:
    """Return why a run failed; where memory was short, with a batch size that would fit."""
    failure = replace(explain(error), log="".join(traceback.format_exception(error)))
    if failure.kind is not FailureKind.OUT_OF_MEMORY:
        return failure
    # What the failed step held would be missing from the memory that is free.
    traceback.clear_frames(error.__traceback__)
    try:
        fitting = smaller_batch_that_fits(read_stored_config(run.config).config)
    except PneumoDeskError as problem:
        sys.stderr.write(f"No batch size can be named: {problem}\n")
        return failure
    return replace(failure, next_step=next_step_with_batch(fitting))


def _carry_out(
    desk: Desk, run: tables.Run, reporter: Reporter, on_progress: OnProgress, team: "Team | None"
) -> TrainResult:
    stored = read_stored_config(run.config)
    if stored.ignored:
        sys.stderr.write(f"The config was recorded by another version; left out: {', '.join(stored.ignored)}.\n")
    report = _progress_callback(reporter, on_progress)
    if run.data is None:
        raise TrainingError(
            tr("This run was recorded without the folder of its dataset. Clone it and name the folder.")
        )
    if team is not None:
        init_process_group(session_request(desk, run, stored.config), team)
    cohort = indexing.index(desk, Path(run.data), counted("indexing", report))
    split = split_of_run(desk, run, stored.config, cohort)
    check_folds(desk, stored.config, cohort.fingerprint, split.fingerprint)
    _record_lineage(desk, run, cohort, split)
    folds = folds_of(desk, cohort, split, stored.config, report)
    # Only now, so that opening the desk or asking for help does not wait for torch.
    from core.runs.session import SessionWatchers, run_session
    from core.training.team import ALONE

    fingerprints = {"cohort_fingerprint": cohort.fingerprint, "split_fingerprint": split.fingerprint}
    request = session_request(desk, run, stored.config, **fingerprints)
    watchers = SessionWatchers(
        on_progress=report,
        on_step=_step_callback(reporter, stored.config),
        on_epoch=lambda epoch, numbers: reporter.add_epoch(epoch + 1, numbers),
        on_resume=reporter.forget_steps_after,
        on_keeping=reporter.write_ahead,
        on_computing=lambda facts: _record_computing(desk, run.id, facts),
        should_stop=lambda: reporter.should_stop,
    )
    team = team or ALONE
    team.wait()
    outcome = run_session(request, folds, watchers, team)
    keep_run_predictions(desk, cohort, split, outcome)
    with desk.transaction() as session:
        keep_card(session, f"run:{run.id}", Path(run.folder) / "checkpoint")
    return TrainResult(run.id, Path(run.folder), outcome.card.weights_hash, outcome.summary)


def _progress_callback(reporter: Reporter, on_progress: OnProgress) -> OnProgress:
    def tell(progress: Progress) -> None:
        """Note where the run is; raises RunStopped where it was asked to stop."""
        # Training tells of itself at every step, with its speed and the time left.
        if progress.stage != "training":
            reporter.tell(progress)
            if reporter.should_stop:
                raise RunStopped
        on_progress(progress)

    return tell


def _step_callback(reporter: Reporter, config: TrainingConfig) -> Callable[[int, int, int, float, float], None]:
    """Return what notes a step: its epoch (from 0), its number of all steps (from 1), loss and learning rate."""
    pace, epochs_seen = StepTimer(), set[int]()

    def tell(epoch: int, step: int, num_steps: int, loss: float, learning_rate: float) -> None:
        """Note a step with its speed and the time left."""
        seconds = pace.step(is_first=epoch not in epochs_seen)
        epochs_seen.add(epoch)
        films_per_second = config.batch_size / seconds if seconds else None
        mean = pace.seconds_per_step
        reporter.add_step(
            step=step, epoch=epoch + 1, loss=loss, learning_rate=learning_rate, films_per_second=films_per_second
        )
        reporter.tell(
            TrainingProgress(
                stage="training",
                num_done=step,
                num_all=num_steps,
                detail=f"epoch {epoch + 1}, loss {loss:.3f}",
                seconds_each=mean,
                epoch=epoch + 1,
                num_epochs=config.epochs,
                films_per_second=config.batch_size / mean if mean else None,
            )
        )

    return tell


def _record_lineage(desk: Desk, run: tables.Run, cohort: Cohort, split: CohortSplit) -> None:
    """Write on what and with what the run is made; a run that continues must find the same images."""
    if run.cohort_fingerprint not in ("", cohort.fingerprint):
        raise TrainingError(
            tr(
                "The images in {data} have changed since this run began, so it cannot continue as the same run. Put "
                "them back as they were, or clone the run.",
                data=run.data,
            )
        )
    assignments = split.assignments.rename("fold").rename_axis("file").reset_index()
    # With their contents, training images are known under other names and in other folders too.
    hashes = cohort.manifest.set_index("file")["content_hash"]
    assignments["content_hash"] = hashes.loc[assignments["file"]].to_numpy()
    # Without the guard of exports against formulas: the desk reads it back by the files' names.
    assignments.to_csv(Path(run.folder) / SPLIT_FILE, index=False)
    with desk.transaction() as session:
        row = session.get_one(tables.Run, run.id)
        row.cohort_fingerprint, row.split_fingerprint = cohort.fingerprint, split.fingerprint
        before = (row.environment or {}).get("computing", [])
        row.environment = {**environment(), "computing": before}


def _record_computing(desk: Desk, run_id: str, facts: dict[str, str]) -> None:
    """Add what a session computes on, where an earlier one did not compute on just that."""
    with desk.transaction() as session:
        row = session.get_one(tables.Run, run_id)
        before = row.environment.get("computing", [])
        if facts not in before:
            row.environment = {**row.environment, "computing": [*before, facts]}


def _end(
    desk: Desk, run_id: str, state: State, failure: Failure | None = None, result: TrainResult | None = None
) -> None:
    def write() -> None:
        """Write the end in one transaction."""
        with desk.transaction() as session:
            run = session.scalars(select(tables.Run).where(RUNS.held(run_id))).one_or_none()
            if run is None:
                # Taken for lost after a long silence, and given to another process: its end is that one's to write.
                return
            end(run, state, failure)
            if result is not None:
                run.summary, run.checkpoint_hash = result.summary, result.checkpoint_hash

    write_patiently(write)


def train(desk: Desk, request: TrainRequest, on_progress: OnProgress = tell_nobody) -> TrainResult:
    """Train a model in this process and return its finished run; the run is recorded whether it succeeds or not."""
    from core.services.runs.execution import work_on_run

    # A folder that is no dataset is refused before a run is recorded; the work finds it indexed.
    indexing.index(desk, request.data, counted("indexing", on_progress))
    config = resolve_config(desk, request.data, request.split, request.config)
    run_id = record_run(desk, request.model_copy(update={"config": config}), State.STARTING)
    return work_on_run(desk, run_id, on_progress)
