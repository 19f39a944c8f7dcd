"""The study that a search keeps in the desk's own database: which trials were asked for, what was told of them.

Optuna's tables stand beside ours; `alembic_version` is ours, so Optuna's own check of it is left out.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import DatabaseError
from core.services.desk import Desk
from core.services.sweeps.request import Pruning, Row, SweepAxis, SweepRequest, SweepSetting
from db.engine import BUSY_TIMEOUT_SECONDS

RANDOM_TRIALS = 10
TRIALS_BEFORE_PRUNING = 4
EPOCHS_BEFORE_PRUNING = 2


class SweepStudy:
    """One search's study; whoever opens it goes on with what is recorded.

    It is thought over in memory and recorded in the database, each step in one transaction: a study that lives in the
    database reads every trial anew many times for each that it asks for, while a device stands idle.
    """

    def __init__(self, desk: Desk, sweep_id: str, request: SweepRequest) -> None:
        self._request = request
        self._space = {axis.field: _distribution(axis) for axis in request.axes}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        direction = "minimize" if request.objective.is_better_when_lower else "maximize"
        with _in_words():
            self._record = _storage(desk)
            recorded = optuna.create_study(
                storage=self._record, study_name=f"sweep-{sweep_id}", direction=direction, load_if_exists=True
            )
            self._key = self._record.get_study_id_from_name(recorded.study_name)
            self._study = optuna.create_study(direction=direction, pruner=_pruner(request))
            # By number the key of each trial in the database.
            self._keys: dict[int, int] = {}
            for trial in recorded.get_trials(deepcopy=False):
                self._keys[trial.number] = trial._trial_id
                self._study.add_trial(trial)

    def ask(self) -> tuple[int, Row]:
        """Return the number and the settings of the next trial, by what has been told so far."""
        with _in_words():
            number, row = self._settle(len(self._keys), None)
            asked = self._study.get_trials(deepcopy=False)[number]
            self._keys[number] = self._record.create_new_trial(self._key, template_trial=asked)
            return number, row

    def untold(self) -> dict[int, FrozenTrial]:
        """Return by its number each trial that was asked for and of which nothing final was told."""
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return {trial.number: trial for trial in trials}

    def settings_of(self, asked: FrozenTrial) -> Row:
        """Return the settings of a trial that was asked for."""
        with _in_words():
            return self._settle(asked.number, asked._trial_id)[1]

    def note(self, asked: FrozenTrial, by_epoch: Mapping[int, float | None]) -> None:
        """Note a trial's values by epoch; later trials are measured by them."""
        with _in_words():
            for epoch, value in by_epoch.items():
                if value is not None and epoch not in asked.intermediate_values:
                    self._record.set_trial_intermediate_value(self._keys[asked.number], epoch, value)
                    self._study._storage.set_trial_intermediate_value(asked._trial_id, epoch, value)

    def is_hopeless(self, asked: FrozenTrial) -> bool:
        """Return whether the pruner gives a trial up by what was noted of it."""
        return Trial(self._study, asked._trial_id).should_prune()

    def tell(self, number: int, value: float | None) -> None:
        """Note the value of a completed trial; one without a value counts as failed."""
        if value is None:
            self._tell(number, TrialState.FAIL)
        else:
            self._tell(number, TrialState.COMPLETE, value)

    def tell_pruned(self, number: int) -> None:
        """Note that a trial was given up."""
        self._tell(number, TrialState.PRUNED)

    def _tell(self, number: int, state: TrialState, value: float | None = None) -> None:
        before = self._study.get_trials(deepcopy=False)[number]
        if before.state.is_finished():
            return
        with _in_words():
            # A pruned trial has the last value that was noted of it, as Optuna gives it.
            told = self._study.tell(number, value, state=state)
            self._record.set_trial_state_values(self._keys[number], told.state, told.values)

    def _settle(self, number: int, key: int | None) -> tuple[int, Row]:
        # A seed for each trial: an interrupted search draws what it would have drawn, and nothing a second time.
        seed = np.random.SeedSequence([self._request.base.seed, number]).generate_state(1)[0]
        self._study.sampler = TPESampler(seed=int(seed), n_startup_trials=RANDOM_TRIALS)
        trial = self._study.ask() if key is None else Trial(self._study, key)
        row = tuple(
            SweepSetting(field=field, value=_suggest(trial, field, space)) for field, space in self._space.items()
        )
        return trial.number, row


def _suggest(trial: Trial, field: str, space: BaseDistribution) -> float | int | str | bool:
    match space:
        case CategoricalDistribution():
            return trial.suggest_categorical(field, space.choices)
        case IntDistribution():
            return trial.suggest_int(field, space.low, space.high, log=space.log)
        case FloatDistribution():
            return trial.suggest_float(field, space.low, space.high, log=space.log)
    raise TypeError(f"{field} has no kind of range that is known here")


def _distribution(axis: SweepAxis) -> BaseDistribution:
    if not axis.is_range:
        return CategoricalDistribution(axis.values)
    if axis.is_whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
    return FloatDistribution(axis.low, axis.high, log=axis.is_log)


def _pruner(request: SweepRequest) -> BasePruner:
    match request.pruning:
        case Pruning.MEDIAN:
            return MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=EPOCHS_BEFORE_PRUNING)
        case Pruning.HYPERBAND:
            return HyperbandPruner(min_resource=1, max_resource=request.base.epochs)
        case _:
            return NopPruner()


def _storage(desk: Desk) -> RDBStorage:
    url = desk.engine.url
    is_file = url.get_backend_name() == "sqlite"
    arguments = {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}} if is_file else {"pool_pre_ping": True}
    # Optuna fills in what stands between braces.
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(text, engine_kwargs=arguments, skip_compatibility_check=True)
    if is_file:
        storage.engine.dispose()
        event.listen(storage.engine, "connect", _write_as_we_do)
    return storage


def _write_as_we_do(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # A trial is some ten commits; as in our own connections none of them waits for the disk, and none is torn.
    connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise DatabaseError("The search's study cannot be read or written: the database is held or full.") from error
