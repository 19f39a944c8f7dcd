"""What can be made of several runs at once: a table of a study, or an ensemble; each has an address of its own."""

from collections.abc import Sequence

import streamlit as st

from core.language import tr
from core.training.config import MOST_RUNS
from core.ui.navigation import go_to
from core.ui.training.addresses import form_going_on

NONE_MARKED = "all"


def together_buttons(ids: Sequence[str]) -> None:
    """Show the ways from marked runs to a table, to an ensemble and to a run that starts from them."""
    st.button(
        tr("Table"),
        icon=":material/table_chart:",
        disabled=not ids,
        help=tr("Marked runs as an architectures or tuning table; runs that differ in the seed alone are one row."),
        key="experiments.to_table",
        on_click=_go,
        args=("table", list(ids)),
    )
    st.button(
        tr("Ensemble of {num_runs}", num_runs=len(ids)) if len(ids) > 1 else tr("Ensembles"),
        icon=":material/group_work:",
        disabled=len(ids) == 1 or len(ids) > 8,
        help=tr("Select two to eight runs to make an ensemble; without a selection, existing ensembles are shown."),
        key="experiments.to_ensemble",
        on_click=_go,
        args=("ensemble", list(ids) or [NONE_MARKED]),
    )
    if st.button(
        tr("Start from {num_runs}", num_runs=len(ids)) if ids else tr("Start from runs"),
        icon=":material/conversion_path:",
        disabled=not ids or len(ids) > MOST_RUNS,
        help=tr(
            "Opens the form of a new run that begins with the mean of the marked runs' weights. It should be runs of "
            "one network and split that continued from common weights."
        ),
        key="experiments.to_mean",
    ):
        go_to("training", **form_going_on(ids))


def named(parameter: str) -> list[str]:
    """Return the runs that an address names."""
    return [one for one in st.query_params[parameter].split(",") if one]


def _go(parameter: str, ids: list[str]) -> None:
    st.query_params.from_dict({parameter: ",".join(ids)})
