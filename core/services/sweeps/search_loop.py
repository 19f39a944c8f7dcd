"""What a supervisor does for searches: tells what runs gave, gives unpromising ones up, asks for the next.

Every step can be cut off and done again: a trial that was asked for and has no run gets it, and the database refuses a
second run of one trial.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import load_only

from core.errors import DatabaseError, SettingsError
from core.reasons import Reason, store
from core.runs.queueing import RUNS
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.runs.requests import SweepPlace, add_run
from core.services.sweeps.old_studies import move_old_studies
from core.services.sweeps.request import Row, SweepRequest, SweepSetting, trial_request
from core.services.sweeps.results import stored_request, value_of, values_of_runs
from core.work_reasons import DrawnChoicesClash, FailedInARow, why_of
from db import models as tables
from db.states import State

if TYPE_CHECKING:
    from core.services.sweeps.optuna_study import SweepStudy
from core.services.runs.supervision import open_sweeps

FAILURES_UNTIL_END = 3
CLASHES_UNTIL_END = 20
READ_OF_RUNS = (
    tables.Run.trial_number,
    tables.Run.state,
    tables.Run.pruned_epoch,
    tables.Run.summary,
    tables.Run.config,
    tables.Run.reasons,
)
GOES_ON = (State.QUEUED.value, *LIVE_STATES)


class SweepTender:
    """Tends all open searches of a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._studies: dict[str, SweepStudy] = {}
        # Of each run the state and the number of epochs that its study has heard of.
        self._known: dict[str, tuple[str, int]] = {}
        # Studies just opened: anyone who asked last may have been cut off before the run was queued.
        self._orphaned: set[str] = set()
        self._has_moved_studies = False

    def __call__(self) -> bool:
        """Do what is due and return whether any search is open."""
        if not self._has_moved_studies:
            move_old_studies(self._desk)
            self._has_moved_studies = True
        with self._desk.reading() as session:
            sweep_ids = open_sweeps(session)
        for sweep_id in sweep_ids:
            self._tend(sweep_id)
        return bool(sweep_ids)

    def _tend(self, sweep_id: str) -> None:
        with self._desk.reading() as session:
            sweep = session.get_one(tables.Sweep, sweep_id)
            runs = session.scalars(
                select(tables.Run)
                .where(tables.Run.sweep_id == sweep_id)
                .order_by(tables.Run.trial_number)
                .options(load_only(*READ_OF_RUNS))
            ).all()
        try:
            request = stored_request(sweep)
            study = self._study(sweep_id, request, runs)
        except (SettingsError, DatabaseError) as error:
            self._close(sweep_id, why_of(error))
            return
        self._tell(request, study, runs)
        num_going_on = sum(run.state in GOES_ON for run in runs)
        if _fails_always(runs):
            self._close(sweep_id, FailedInARow(FAILURES_UNTIL_END, list(runs[-1].reasons or [])))
        elif len(runs) >= request.num_trials and not num_going_on:
            self._close(sweep_id)
        else:
            room = min(request.num_at_once - num_going_on, request.num_trials - len(runs))
            self._ask(sweep_id, request, study, {run.trial_number for run in runs}, room)

    def _study(self, sweep_id: str, request: SweepRequest, runs: Sequence[tables.Run]) -> "SweepStudy":
        # Only now, so that a queue without searches does not wait for it.
        from core.services.sweeps.optuna_study import SweepStudy

        if sweep_id not in self._studies:
            study = SweepStudy(self._desk, sweep_id, request)
            study.catch_up(
                {number: _settings_of(request, run) for run in runs if (number := run.trial_number) is not None}
            )
            self._studies[sweep_id] = study
            self._orphaned.add(sweep_id)
        return self._studies[sweep_id]

    def _tell(self, request: SweepRequest, study: "SweepStudy", runs: Sequence[tables.Run]) -> None:
        news, values = self._news(request, runs)
        if not news:
            return
        trials = study.running_trials()
        for run in news:
            number, by_epoch = run.trial_number, values.get(run.id, {})
            asked = None if number is None else trials.get(number)
            self._known[run.id] = (run.state, len(by_epoch))
            if number is None or asked is None:
                continue
            study.note(asked, by_epoch)
            if run.state == State.COMPLETED:
                study.tell(number, value_of(run, by_epoch))
            elif run.pruned_epoch is not None and run.state == State.STOPPED:
                study.tell_pruned(number)
            elif _may_be_pruned(run, by_epoch) and study.should_prune(asked):
                self._prune(run.id, max(by_epoch))

    def _news(
        self, request: SweepRequest, runs: Sequence[tables.Run]
    ) -> tuple[list[tables.Run], dict[str, dict[int, float | None]]]:
        """Return the runs of which the study has not heard how they stand, with their objective by epoch."""
        moved = [run for run in runs if run.state == State.RUNNING or self._known.get(run.id, ("", 0))[0] != run.state]
        if not moved:
            return [], {}
        with self._desk.reading() as session:
            values = values_of_runs(session, request.objective, [run.id for run in moved])
        news = [run for run in moved if self._known.get(run.id) != (run.state, len(values.get(run.id, {})))]
        return news, values

    def _prune(self, run_id: str, epoch: int) -> None:
        with self._desk.transaction() as session:
            if RUNS.request_stop(session, run_id):
                session.get_one(tables.Run, run_id).pruned_epoch = epoch

    def _ask(
        self, sweep_id: str, request: SweepRequest, study: "SweepStudy", numbers: set[int | None], room: int
    ) -> None:
        if room <= 0:
            return
        orphans = []
        if sweep_id in self._orphaned:
            orphans = [
                (number, study.settings_of(asked))
                for number, asked in study.running_trials().items()
                if number not in numbers
            ]
        if len(orphans) <= room:
            self._orphaned.discard(sweep_id)
        num_clashes = 0
        while room > 0 and num_clashes < CLASHES_UNTIL_END:
            number, row = orphans.pop(0) if orphans else study.ask()
            if self._record(sweep_id, request, study, number, row):
                room, num_clashes = room - 1, 0
            else:
                num_clashes += 1
        if num_clashes:
            self._close(sweep_id, DrawnChoicesClash(CLASHES_UNTIL_END))

    def _record(self, sweep_id: str, request: SweepRequest, study: "SweepStudy", number: int, row: Row) -> bool:
        """Queue a trial's run unless the sweep was stopped meanwhile; returns False if its choices clash."""
        try:
            asked = trial_request(request, row)
        except ValueError:
            study.tell(number, None)
            return False
        with self._desk.transaction() as session:
            if session.get_one(tables.Sweep, sweep_id).is_open:
                add_run(session, self._desk, asked, place=SweepPlace(sweep_id, number))
        return True

    def _close(self, sweep_id: str, why: Reason | None = None) -> None:
        with self._desk.transaction() as session:
            sweep = session.get_one(tables.Sweep, sweep_id)
            sweep.is_open, sweep.reasons = False, None if why is None else store([why])
        self._studies.pop(sweep_id, None)


def _settings_of(request: SweepRequest, run: tables.Run) -> Row:
    return tuple(SweepSetting(field=axis.field, value=run.config[axis.field]) for axis in request.axes)


def _may_be_pruned(run: tables.Run, by_epoch: Mapping[int, float | None]) -> bool:
    """Return whether a run continues, has been evaluated, and has epochs left to save."""
    return run.state == State.RUNNING and 0 < max(by_epoch, default=0) < run.config["epochs"]


def _fails_always(runs: Sequence[tables.Run]) -> bool:
    last = runs[-FAILURES_UNTIL_END:]
    return len(last) == FAILURES_UNTIL_END and all(run.state == State.FAILED for run in last)
