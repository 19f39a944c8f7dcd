"""Runs that belong together, by seed or by tag, and how far their results spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from core.services.experiments.history import RunLine


@dataclass(frozen=True)
class RunGroup:
    """Runs that belong together: mean and standard deviation of their AUC, with the mean's 95 % t interval."""

    name: str
    run_ids: tuple[str, ...]
    seeds: tuple[int | None, ...]
    num_scored: int
    mean_auc: float | None
    standard_deviation: float | None
    interval: tuple[float, float] | None


def group_by_seed(lines: Sequence[RunLine]) -> tuple[RunGroup, ...]:
    """Return runs that differ in nothing but the seed, largest group first."""
    groups: dict[str, list[RunLine]] = {}
    for line in lines:
        groups.setdefault(line.recipe_key, []).append(line)
    return _summarised([(members[0].name, members) for members in groups.values()])


def group_by_tag(lines: Sequence[RunLine]) -> tuple[RunGroup, ...]:
    """Return the runs of each tag, as the trials of a sweep have one in common; a run may be in several groups."""
    groups: dict[str, list[RunLine]] = {}
    for line in lines:
        for tag in line.tags:
            groups.setdefault(tag, []).append(line)
    return _summarised(list(groups.items()))


def spread(values: Sequence[float]) -> tuple[float | None, float | None, tuple[float, float] | None]:
    """Return mean, standard deviation and the mean's 95 % t interval, cut at 0 and 1; None for what cannot be
    computed.
    """
    if not len(values):
        return None, None, None
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    deviation = float(np.std(values, ddof=1))
    reach = float(stdtrit(len(values) - 1, 0.975)) * deviation / len(values) ** 0.5
    return mean, deviation, (max(0.0, mean - reach), min(1.0, mean + reach))


def _summarised(groups: Sequence[tuple[str, list[RunLine]]]) -> tuple[RunGroup, ...]:
    found = []
    for name, members in groups:
        scored = [line.auc for line in members if line.auc is not None]
        mean, deviation, interval = spread(scored)
        found.append(
            RunGroup(
                name=name,
                run_ids=tuple(line.id for line in members),
                seeds=tuple(line.seed for line in members),
                num_scored=len(scored),
                mean_auc=mean,
                standard_deviation=deviation,
                interval=interval,
            )
        )
    return tuple(sorted(found, key=lambda group: -len(group.run_ids)))
