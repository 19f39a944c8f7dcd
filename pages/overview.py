"""Overview: the state of the desk at a glance, and the next step."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.triage.overview import describe_desk, make_phantoms
from core.ui.model_notice import model_notice
from core.ui.navigation import go_to
from core.ui.opening import open_desk_or_stop
from core.ui.reader_name.component import current_reader
from core.ui.triage.batch_table import batch_table


def show_figures(desk: Desk) -> None:
    """Model, device, data and work in figures; then the last batches."""
    state = describe_desk(desk)
    model_notice(state.card)
    point = state.card.operating_point
    with st.container(horizontal=True):
        st.metric(
            tr("Model"),
            state.card.name,
            border=True,
            help=tr(
                "{architecture}; the active model. Another is made active on the Models page.",
                architecture=state.card.architecture,
            ),
        )
        st.metric(
            tr("Threshold"),
            f"{point.threshold:.3f}" if point else "0.500",
            border=True,
            help=tr("{rule} Chosen on {chosen_on}.", rule=point.rule, chosen_on=point.chosen_on)
            if point
            else tr("No operating point was chosen."),
        )
        st.metric(tr("Device"), state.device, border=True, help=tr("Where models compute; set by PNEUMODESK_DEVICE."))
        st.metric(tr("Images analysed"), f"{state.num_readings:,}", border=True)
        st.metric(tr("Datasets"), f"{state.num_cohorts:,}", border=True)
        st.metric(tr("Training runs"), f"{state.num_runs:,}", border=True)
    st.subheader(tr("Last batches"))
    if state.num_live_batches:
        st.caption(
            tr(
                ":material/progress_activity: {num_live_batches:,} in progress.",
                num_live_batches=state.num_live_batches,
            )
        )
    if state.batches:
        chosen = batch_table(desk, state.batches, key="overview.batches")
        if chosen:
            go_to("triage", batch=chosen)
    else:
        show_first_steps(desk)


def show_first_steps(desk: Desk) -> None:
    """What to do with an empty desk."""
    with st.container(border=True):
        st.markdown(tr("**Nothing has been analysed yet.** Add a folder of X-rays, or try it with synthetic ones."))
        with st.container(horizontal=True):
            if st.button(tr("Add X-rays"), type="primary", icon=":material/upload:", key="overview.give"):
                go_to("triage", view="films")
            if st.button(
                tr("Try synthetic images"),
                icon=":material/draw:",
                key="overview.phantoms",
                help=tr(
                    "Makes 24 synthetic images and a few broken files. The gate recognises most of them as no real "
                    "X-rays."
                ),
            ):
                go_to("triage", batch=make_phantoms(desk, current_reader()))
            if st.button(tr("Look at a dataset"), icon=":material/dataset:", key="overview.dataset"):
                go_to("dataset")
            if st.button(tr("Train a model"), icon=":material/model_training:", key="overview.train"):
                go_to("training")


desk = open_desk_or_stop()
st.title(tr("Overview"))
try:
    show_figures(desk)
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
st.caption(tr("Everything is kept in {home}.", home=desk.settings.home))
