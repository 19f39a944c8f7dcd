"""All sweeps, newest first, moving while one runs."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.sweeps.status import SweepLine, list_sweeps
from core.ui.training.addresses import open_sweep, open_sweep_form
from core.ui.training.sweep_words import KINDS, progress_of
from core.ui.words import moment, state_word

SECONDS_BETWEEN_LOOKS = 2


def sweep_list(desk: Desk) -> None:
    """Show a card for each sweep."""
    first = list_sweeps(desk)
    if not first:
        with st.container(border=True):
            st.markdown(tr("**No sweep yet.** A sweep starts and compares several runs."))
            if st.button(
                tr("Start the first sweep"), type="primary", icon=":material/add:", key="training.first_sweep"
            ):
                open_sweep_form()
        return

    @st.fragment(run_every=SECONDS_BETWEEN_LOOKS if any(line.is_live for line in first) else None)
    def show() -> None:
        """Show it as it is now."""
        try:
            lines = list_sweeps(desk)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
            return
        for line in lines:
            _card(line)

    show()


def _card(line: SweepLine) -> None:
    word, icon, colour = state_word(line.state)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.markdown(f"**{line.name}**")
                st.badge(word, icon=icon, color=colour)
            if st.button(tr("Open"), icon=":material/monitoring:", key=f"training.open_sweep.{line.id}"):
                open_sweep(line.id)
        st.progress(line.counts.fraction, text=progress_of(line))
        st.caption(
            tr(
                "{kind} · started {created_at}",
                kind=tr(KINDS.get(line.kind, line.kind)).capitalize(),
                created_at=moment(line.created_at),
            )
        )
