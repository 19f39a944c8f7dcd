"""Training: launch runs, watch them, stop and resume them."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.runs.status import list_watched
from core.ui.opening import open_desk_or_stop
from core.ui.training.addresses import open_form, open_runs
from core.ui.training.run_form import run_form
from core.ui.training.run_list import run_list
from core.ui.training.run_view import run_view
from core.ui.training.sweep_form import sweep_form
from core.ui.training.sweep_list import sweep_list
from core.ui.training.sweep_view import sweep_view

VIEWS = {
    "runs": tr(":material/list: Runs"),
    "new": tr(":material/add: New run"),
    "sweeps": tr(":material/grid_view: Sweeps"),
    "new_sweep": tr(":material/add: New sweep"),
}


def show_views(desk: Desk) -> None:
    """All runs, or the form of a new one, as the address says."""
    asked = st.query_params.get("view")
    view = st.segmented_control(
        tr("Part of this page"),
        list(VIEWS),
        default=asked if asked in VIEWS else "runs",
        required=True,
        format_func=VIEWS.__getitem__,
        # A key of its own for each address: a control that was touched would stay where it is.
        key=f"training.view.{asked}",
        label_visibility="collapsed",
    )
    if view != asked:
        st.query_params.from_dict({"view": view})
    if view == "new":
        first_runs = [run for run in st.query_params.get("from", "").split(",") if run]
        run_form(desk, st.query_params.get("like"), first_runs)
    elif view == "sweeps":
        sweep_list(desk)
    elif view == "new_sweep":
        sweep_form(desk)
    elif list_watched(desk, 1):
        run_list(desk)
    else:
        with st.container(border=True):
            st.markdown(tr("**No model has been trained here yet.** A quick look takes minutes on any laptop."))
            if st.button(tr("Launch the first run"), type="primary", icon=":material/add:", key="training.first"):
                open_form()


desk = open_desk_or_stop()
st.title(tr("Training"))
asked_run, asked_sweep = st.query_params.get("run"), st.query_params.get("sweep")
try:
    if asked_run:
        run_view(desk, asked_run)
    elif asked_sweep:
        sweep_view(desk, asked_sweep)
    else:
        show_views(desk)
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
    if (asked_run or asked_sweep or st.query_params.get("like") or st.query_params.get("from")) and st.button(
        tr("All runs"), key="training.leave"
    ):
        open_runs()
