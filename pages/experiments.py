"""Experiments: every run that was made, one evaluated honestly, several compared fairly."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.experiments.run_tables import chosen_runs
from core.ui.experiments.comparison_view import comparison_view
from core.ui.experiments.ensemble_view import ensemble_view
from core.ui.experiments.history_view import history_view
from core.ui.experiments.run_view import run_view
from core.ui.experiments.table_view import table_view
from core.ui.experiments.together import named
from core.ui.opening import open_desk_or_stop


def open_runs(ids: list[str]) -> None:
    """Go to the address of one run, of a comparison, or of the history."""
    st.query_params.clear()
    if len(ids) == 1:
        st.query_params["run"] = ids[0]
    elif ids:
        st.query_params["compare"] = ",".join(ids)
    st.rerun()


def back() -> None:
    """Go to the history."""
    open_runs([])


desk = open_desk_or_stop()
st.title(tr("Experiments"))
asked, compared = st.query_params.get("run"), st.query_params.get("compare")
try:
    if compared:
        comparison_view(desk, [name for name in compared.split(",") if name], back)
    elif "table" in st.query_params:
        table_view(desk, named("table"), back)
    elif "sweep" in st.query_params:
        table_view(desk, chosen_runs(desk, sweep=st.query_params["sweep"]), back)
    elif "ensemble" in st.query_params:
        ensemble_view(desk, named("ensemble"), back)
    elif asked:
        run_view(desk, asked, back)
    elif chosen := history_view(desk):
        open_runs(chosen)
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
    if st.query_params and st.button(tr("All runs"), icon=":material/arrow_back:", key="experiments.leave"):
        back()
