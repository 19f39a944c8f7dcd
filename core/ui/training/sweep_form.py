"""The form of a new sweep: what is ready, a grid, a search or seeds, on a dataset."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import SettingsError
from core.language import mark, tr, tr_n
from core.services.datasets.known_datasets import KnownCohort, list_known_cohorts
from core.services.desk import Desk
from core.services.sweeps.control import start_sweep
from core.services.sweeps.parsing import make_request, parse_seeds
from core.services.sweeps.presets import READY_SWEEPS, ReadySweep
from core.services.sweeps.request import Objective, Pruning, SweepKind, SweepRequest
from core.training.config import SPLIT_FIELDS, TrainingConfig
from core.training.presets import PRESETS
from core.ui.config_form import config_form, words
from core.ui.training.addresses import open_sweep
from core.ui.training.folder_form import folder_form
from core.ui.training.split_choice import split_choice
from core.ui.training.sweep_axes import choose_axes
from core.ui.training.sweep_words import OBJECTIVES

WAYS = {"ready": mark("Ready-made"), "grid": mark("Grid"), "search": mark("Search")}
PURPOSES = {
    "grid": mark("Every combination of the values you list."),
    "search": mark("Each run is chosen by the results of the runs before it; unpromising runs are pruned."),
}


@dataclass(frozen=True)
class SweepGround:
    """What all runs of a sweep are trained on: a folder and, if one is named, a saved split of it."""

    root: Path
    split: str

    @property
    def hidden(self) -> frozenset[str]:
        """Choices that the form does not ask for."""
        return frozenset({"seed", *(SPLIT_FIELDS if self.split else ())})


def sweep_form(desk: Desk) -> None:
    """Show the form; starting leads to the sweep."""
    cohort = _choose_cohort(desk)
    if cohort is None:
        return
    saved = split_choice(desk, cohort, key="training.sweep.split")
    on = SweepGround(cohort.root, saved.name if saved else "")
    way = st.segmented_control(
        tr("Begin with"),
        list(WAYS),
        default="ready",
        required=True,
        format_func=lambda one: tr(WAYS[one]),
        key="training.sweep.way",
    )
    try:
        request = _ready(on) if way == "ready" else _own(on, is_search=way == "search")
    except SettingsError as error:
        st.error(str(error), icon=":material/error:")
        return
    if request is None:
        return
    if st.button(
        tr_n("Start {n} run", "Start {n:,} runs", request.num_runs),
        type="primary",
        icon=":material/rocket_launch:",
        key="training.sweep.start",
    ):
        open_sweep(start_sweep(desk, request))


def _choose_cohort(desk: Desk) -> KnownCohort | None:
    known = list_known_cohorts(desk)
    if not known:
        st.markdown(tr("**No dataset yet.** Choose a folder to train on."))
        folder_form(desk)
        return None
    return st.selectbox(
        tr("Dataset"),
        known,
        format_func=lambda one: one.words,
        help=tr("Patients of its training folder are split; its test folder is not touched."),
        key="training.sweep.cohort",
    )


def _ready(on: SweepGround) -> SweepRequest | None:
    chosen = st.selectbox(
        tr("Sweep"), list(ReadySweep), format_func=lambda name: tr(READY_SWEEPS[name].title), key="training.sweep.ready"
    )
    ready = READY_SWEEPS[chosen]
    st.caption(ready.purpose)
    seeds = _seeds(",".join(str(seed) for seed in ready.seeds or (0,)), key=f"training.sweep.seeds.{chosen.value}")
    st.markdown(tr("**Base settings**"))
    base = config_form(TrainingConfig, ready.base, key=f"training.sweep.base.{chosen.value}", hidden=on.hidden)
    return ready.request(on.root, base, seeds, on.split) if base is not None else None


def _own(on: SweepGround, *, is_search: bool) -> SweepRequest | None:
    kind = SweepKind.SEARCH if is_search else SweepKind.GRID
    st.caption(tr(PURPOSES[kind.value]))
    start = PRESETS["quick_look"].config
    axes = choose_axes(start, is_search=is_search)
    if axes is None:
        return None
    name, objective, extra = _judging(is_search=is_search)
    st.markdown(tr("**Base settings**"))
    base = config_form(TrainingConfig, start, key=f"training.sweep.base.{kind.value}", hidden=on.hidden)
    if base is None:
        return None
    return make_request(
        data=on.root, split=on.split, name=name, kind=kind, base=base, axes=axes, objective=objective, **extra
    )


def _judging(*, is_search: bool) -> tuple[str, Objective, dict[str, object]]:
    """Name, objective, and what else the kind asks for."""
    key = "training.sweep.search" if is_search else "training.sweep.grid"
    columns = st.columns(4 if is_search else 3)
    name = columns[0].text_input(
        tr("Name"), max_chars=200, placeholder=tr("Derived from what it varies"), key=f"{key}.name"
    )
    objective = columns[1].selectbox(
        tr("Selected by"),
        list(Objective),
        format_func=lambda one: tr(OBJECTIVES[one.value]),
        help=tr("On the validation images, at the epoch that is kept."),
        key=f"{key}.objective",
    )
    if not is_search:
        with columns[2]:
            return name, objective, {"seeds": _seeds("0", key=f"{key}.seeds")}
    num_trials = columns[2].number_input(tr("Runs"), value=20, min_value=1, max_value=1000, key=f"{key}.trials")
    pruning = columns[3].selectbox(
        tr("Giving up"),
        list(Pruning),
        index=1,
        format_func=lambda one: words(one.value),
        help=tr(
            "Median: worse than the median of earlier runs at the same epoch. Hyperband: many short runs, few long."
        ),
        key=f"{key}.pruning",
    )
    return name, objective, {"num_trials": num_trials, "pruning": pruning}


def _seeds(start: str, key: str) -> tuple[int, ...]:
    text = st.text_input(
        tr("Seeds"),
        value=start,
        help=tr("Each config runs once with each, as in `0, 1, 2` or `0..4`: their spread tells how much is chance."),
        key=key,
    )
    return parse_seeds(text)
