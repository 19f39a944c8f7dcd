"""The study of a search: which trials were asked for, and what was reported of them, kept in a file of its own."""

from collections.abc import Mapping, Sequence
from typing import cast

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
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from core.language import tr
from core.services.desk import Desk
from core.services.sweeps.journal import in_words, journal_of, open_journal
from core.services.sweeps.request import Pruning, Row, Scalar, SweepAxis, SweepRequest, SweepSetting

RANDOM_TRIALS = 10
TRIALS_BEFORE_PRUNING = 4
EPOCHS_BEFORE_PRUNING = 2


class SweepStudy:
    """One search's study; anyone who opens it continues with what is recorded, several processes at once if need be."""

    def __init__(self, desk: Desk, sweep_id: str, request: SweepRequest) -> None:
        self._request = request
        self._space = {axis.field: _distribution(axis) for axis in request.axes}
        self._journal = journal_of(desk, sweep_id)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with in_words(self._journal):
            self._storage, self._lock = open_journal(self._journal)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=f"sweep-{sweep_id}",
                direction="minimize" if request.objective.is_better_when_lower else "maximize",
                pruner=_pruner(request),
                load_if_exists=True,
            )
            self._key = self._storage.get_study_id_from_name(self._study.study_name)

    def ask(self) -> tuple[int, Row]:
        """Return the number and the settings of the next trial, by the results so far."""
        # Held from the number to the last setting: of two who ask at once each gets a trial of its own.
        with in_words(self._journal), self._lock.held():
            self._give_up_cut_off()
            self._study.sampler = self._sampler(len(self._trials()))
            trial = self._study.ask()
            drawn = {field: _suggest(trial, field, space) for field, space in self._space.items()}
            return trial.number, _row(drawn)

    def running_trials(self) -> dict[int, FrozenTrial]:
        """Return by its number each trial that was asked for and without a final result."""
        with in_words(self._journal):
            running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return {trial.number: trial for trial in running if self._is_whole(trial)}

    def settings_of(self, asked: FrozenTrial) -> Row:
        """Return the settings of a trial that was asked for."""
        return _row({field: asked.params[field] for field in self._space})

    def catch_up(self, rows: Mapping[int, Row]) -> None:
        """Record the trials, by number, whose runs exist but that the file does not know of: it was lost or is older.

        Numbers between them without a run count as failed.
        """
        with in_words(self._journal), self._lock.held():
            for number in range(len(self._trials()), max(rows, default=-1) + 1):
                row = rows.get(number)
                state = TrialState.FAIL if row is None else TrialState.RUNNING
                drawn = {setting.field: setting.value for setting in row or ()}
                self._study.add_trial(create_trial(state=state, params=drawn, distributions=self._space if row else {}))

    def note(self, asked: FrozenTrial, by_epoch: Mapping[int, float | None]) -> None:
        """Note a trial's values by epoch; later trials are measured by them."""
        with in_words(self._journal):
            key = self._storage.get_trial_id_from_study_id_trial_number(self._key, asked.number)
            for epoch, value in by_epoch.items():
                if value is not None and epoch not in asked.intermediate_values:
                    self._storage.set_trial_intermediate_value(key, epoch, value)

    def should_prune(self, asked: FrozenTrial) -> bool:
        """Return whether the pruner gives a trial up by what was noted of it."""
        with in_words(self._journal):
            return self._study.pruner.prune(self._study, self._trials()[asked.number])

    def tell(self, number: int, value: float | None) -> None:
        """Note the value of a completed trial; one without a value counts as failed."""
        if value is None:
            self._tell(number, TrialState.FAIL)
        else:
            self._tell(number, TrialState.COMPLETE, value)

    def tell_pruned(self, number: int) -> None:
        """Note that a trial was given up; it has the last value that was noted of it."""
        self._tell(number, TrialState.PRUNED)

    def _tell(self, number: int, state: TrialState, value: float | None = None) -> None:
        with in_words(self._journal), self._lock.held():
            if not self._trials()[number].state.is_finished():
                self._study.tell(number, value, state=state)

    def _trials(self) -> Sequence[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _is_whole(self, trial: FrozenTrial) -> bool:
        return set(trial.params) >= set(self._space)

    def _give_up_cut_off(self) -> None:
        """Count trials as failed whose asker was killed between two settings; none is being asked for now."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not self._is_whole(trial):
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _sampler(self, number: int) -> TPESampler:
        # A seed for each trial: an interrupted search draws what it would have drawn, and nothing a second time.
        seed = np.random.SeedSequence([self._request.base.seed, number]).generate_state(1)[0]
        return TPESampler(seed=int(seed), n_startup_trials=RANDOM_TRIALS)


def _row(drawn: Mapping[str, Scalar]) -> Row:
    return tuple(SweepSetting(field=field, value=value) for field, value in drawn.items())


def _suggest(trial: Trial, field: str, space: BaseDistribution) -> float | int | str | bool:
    match space:
        case CategoricalDistribution():
            return cast("float | int | str | bool", trial.suggest_categorical(field, space.choices))
        case IntDistribution():
            return trial.suggest_int(field, space.low, space.high, log=space.log)
        case FloatDistribution():
            return trial.suggest_float(field, space.low, space.high, log=space.log)
    raise TypeError(tr("{field} has no kind of range that is known here", field=field))


def _distribution(axis: SweepAxis) -> BaseDistribution:
    if axis.low is None or axis.high is None:
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
