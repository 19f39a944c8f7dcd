"""Runs as people control them: queue, stop, kill, resume, clone, clean and delete."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import select

from core.errors import InputNotFoundError, SettingsError, TrainingError
from core.language import tr
from core.model.catalogue import WeightsSource
from core.runs.devices import list_devices
from core.runs.queueing import RUNS, end, next_runs
from core.runs.work import UNFINISHED
from core.services.desk import Desk
from core.services.desk.id_prefix import id_beginning_with
from core.services.runs.config_resolution import resolve_config
from core.services.runs.requests import TrainRequest, queue_of, record_run
from core.services.runs.supervision import ensure_supervisor, executor_of, open_sweeps, start_supervisor
from core.training.config import TrainingConfig
from core.training.stored_config import read_stored_config
from db import models as tables
from db.states import State


def enqueue(desk: Desk, request: TrainRequest, seeds: Sequence[int] = ()) -> list[str]:
    """Queue one run for each seed (the config's own if none is given), begin what can begin, and return their ids.

    Raises InputNotFoundError if the folder of the dataset or the split is not there, and CohortError if the split was
    saved for other images.
    """
    if not request.data.is_dir():
        raise InputNotFoundError(tr("There is no folder {data}. Name the folder of a dataset.", data=request.data))
    request = request.model_copy(update={"config": resolve_config(desk, request.data, request.split, request.config)})
    run_ids = []
    for seed in dict.fromkeys(seeds or (request.config.seed,)):
        config = request.config.model_copy(update={"seed": seed})
        name = f"{request.name}, seed {seed}" if request.name and len(seeds) > 1 else request.name
        run_ids.append(record_run(desk, request.model_copy(update={"config": config, "name": name})))
    start_supervisor(desk)
    return run_ids


def stop(desk: Desk, run_id: str) -> None:
    """Ask a run to stop after its step, with a checkpoint; does nothing to a run that has ended."""
    run_id = find_run(desk, run_id)
    with desk.transaction() as session:
        is_asked = RUNS.request_stop(session, run_id)
    if is_asked:
        # Should the worker not hear, the supervisor presses it.
        start_supervisor(desk)


def kill(desk: Desk, run_id: str) -> None:
    """End a run's process at once; at most the steps since the last checkpoint are lost."""
    run_id = find_run(desk, run_id)
    with desk.transaction() as session:
        RUNS.request_stop(session, run_id)
        run = session.get_one(tables.Run, run_id)
        worker, is_live = RUNS.worker_of(run), run.state == State.STOPPING
    if not is_live:
        return
    executor = executor_of(desk)
    if worker is not None:
        executor.kill(worker)
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        if run.state == State.STOPPING and (worker is None or not executor.is_alive(worker)):
            end(run, State.STOPPED)


def resume(desk: Desk, run_id: str) -> None:
    """Resume a stopped, failed or lost run from its last checkpoint; raises TrainingError for any other."""
    run_id = find_run(desk, run_id)
    reconcile_runs(desk)
    with desk.transaction() as session:
        config = session.get_one(tables.Run, run_id).config
        is_queued = RUNS.requeue(session, run_id, device=queue_of(desk, config.get("device", "auto")))
        state = session.get_one(tables.Run, run_id).state
    if not is_queued:
        raise TrainingError(
            tr(
                "Run {run_id} is {state}: only a run that was stopped, failed or was lost can continue.",
                run_id=run_id,
                state=state,
            )
        )
    start_supervisor(desk)


def requeue(desk: Desk, run_id: str) -> str:
    """Queue a run's config again as a new run from the beginning, and return its id."""
    return enqueue(desk, request_of(desk, run_id))[0]


def request_of(desk: Desk, run_id: str) -> TrainRequest:
    """Return what a run was asked to do, to be changed and queued as another; raises SettingsError if it no longer
    makes sense."""
    run_id = find_run(desk, run_id)
    with desk.reading() as session:
        run = session.get_one(tables.Run, run_id)
        tags = session.scalars(select(tables.RunTag.tag).where(tables.RunTag.run_id == run_id)).all()
    config: TrainingConfig = read_stored_config(run.config).config
    return TrainRequest(
        data=Path(run.data or "."), name=run.name, split=run.split_name or "", config=config, tags=tuple(tags)
    )


def request_going_on_from(desk: Desk, run_ids: Sequence[str]) -> TrainRequest:
    """Return a request like a run's own that begins with its weights, or with the mean of several runs' weights.

    Raises as `request_of`, and SettingsError if there are too many.
    """
    ids = tuple(dict.fromkeys(find_run(desk, run_id) for run_id in run_ids))
    request = request_of(desk, ids[0])
    beginning = {"weights": WeightsSource.RUNS, "weights_file": None, "average_of": ",".join(ids)}
    try:
        config = TrainingConfig.model_validate({**request.config.model_dump(), **beginning})
    except ValidationError as error:
        raise SettingsError(error.errors()[0]["msg"].removeprefix("Value error, ").capitalize() + ".") from error
    name = f"on from {request.name}" if len(ids) == 1 else f"on from the mean of {len(ids)} runs"
    return request.model_copy(update={"config": config, "name": name, "tags": ()})


def find_lost_runs(desk: Desk) -> list[str]:
    """Write `lost` for runs whose process is gone and see to it that what waits is carried out; cheap if none is."""
    with desk.reading() as session:
        runs = RUNS.live(session)
        is_searching = bool(open_sweeps(session))
    if is_searching:
        ensure_supervisor(desk)
    if not runs:
        return []
    lost = reconcile_runs(desk)
    executor = executor_of(desk)
    devices = () if executor.schedules_devices else list_devices()
    if next_runs([run for run in runs if run.id not in lost], devices):
        start_supervisor(desk)
    return lost


def reconcile_runs(desk: Desk) -> list[str]:
    """Write `lost` for runs whose process is gone and return which; takes the write lock only if there is one."""
    return RUNS.find_lost(desk.reading, desk.transaction, executor_of(desk).is_alive)


def find_run(desk: Desk, run_id: str) -> str:
    """Return the id of the one run whose id begins so; raises InputNotFoundError."""
    with desk.reading() as session:
        return id_beginning_with(session, tables.Run.id, run_id, "run")


def can_resume(state: str) -> bool:
    """Return whether a run in this state can continue."""
    return state in UNFINISHED
