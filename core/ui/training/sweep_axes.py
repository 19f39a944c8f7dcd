"""The widgets that say what a sweep varies: values of a grid, bounds of a search."""

from enum import Enum
from typing import Any

import streamlit as st

from core.errors import SettingsError
from core.language import tr
from core.services.sweeps.parsing import make_axis, parse_axis
from core.services.sweeps.request import SweepAxis
from core.training.config import TrainingConfig
from core.ui.config_form import about, words

# What changes where or how fast a run computes is not worth a sweep here.
LEFT_OUT = frozenset({"seed", "weights", "weights_file", "average_of", "device", "workers", "precision"})


def choose_axes(base: TrainingConfig, *, is_search: bool) -> tuple[SweepAxis, ...] | None:
    """Return what the reader wants to vary, or say what is missing and return None."""
    kind = "search" if is_search else "grid"
    names = [name for name in TrainingConfig.model_fields if name not in LEFT_OUT]
    chosen = st.multiselect(
        tr("Vary"),
        names,
        default=["learning_rate"],
        format_func=words,
        max_selections=8,
        help=tr("Each choice you name is varied; all others stay as they are below."),
        key=f"training.sweep.vary.{kind}",
    )
    if not chosen:
        st.caption(tr("Name at least one choice to vary."))
        return None
    axes = []
    for name in chosen:
        try:
            axes.append(_axis(name, getattr(base, name), is_search=is_search, key=f"training.sweep.{kind}.{name}"))
        except SettingsError as error:
            st.error(str(error), icon=":material/error:")
            return None
    return tuple(axes)


def _axis(name: str, value: Any, *, is_search: bool, key: str) -> SweepAxis:
    kind = TrainingConfig.model_fields[name].annotation
    help_text = about(TrainingConfig.model_fields[name])
    if isinstance(value, Enum):
        options = [choice.value for choice in type(value)]
        picked = st.multiselect(words(name), options, default=options[:2], format_func=words, help=help_text, key=key)
        return make_axis(field=name, values=tuple(picked))
    if not is_search:
        text = st.text_input(
            tr("{name}: values, with commas", name=words(name)), value=_two_values(value), help=help_text, key=key
        )
        return parse_axis(f"{name}={text}")
    low_column, high_column, log_column = st.columns([2, 2, 1], vertical_alignment="bottom")
    is_whole = kind is int
    low, high = _first_bounds(value, is_whole=is_whole)
    step = 1 if is_whole else None
    shown = None if is_whole else "%g"
    low = low_column.number_input(
        tr("{name}: least", name=words(name)),
        value=low,
        step=step or 1e-5,
        format=shown,
        help=help_text,
        key=f"{key}.low",
    )
    high = high_column.number_input(
        tr("{name}: greatest", name=words(name)), value=high, step=step or 1e-5, format=shown, key=f"{key}.high"
    )
    is_log = log_column.checkbox(
        tr("Orders of magnitude"),
        value=name == "learning_rate",
        help=tr("Draws 0.001 to 0.01 as often as 0.01 to 0.1: right for learning rates."),
        key=f"{key}.log",
    )
    return make_axis(field=name, low=low, high=high, is_log=is_log)


def _two_values(value: float) -> str:
    return f"{value:g}, {value / 2:g}" if isinstance(value, float) and value else f"{value}, {value * 2 or 1}"


def _first_bounds(value: float, *, is_whole: bool) -> tuple[Any, Any]:
    if is_whole:
        return max(1, value // 2), max(2, value * 2)
    return (float(f"{value / 10:.3g}"), value) if value else (0.0, 0.1)
