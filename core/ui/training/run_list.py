"""All runs that wait or continue, and those that ended last; the same in every tab."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.runs.control import stop
from core.services.runs.status import RunStatus, ended_since, list_watched
from core.ui.training.addresses import open_run, open_sweeps
from core.ui.training.machine import machine_row
from core.ui.training.words import progress_words
from core.ui.words import moment, state_word

SECONDS_BETWEEN_LOOKS = 2


def run_list(desk: Desk) -> None:
    """Show the queue and the running runs, moving while there are any, and the runs that ended."""
    first = list_watched(desk)
    is_live = any(run.is_live for run in first)

    @st.fragment(run_every=SECONDS_BETWEEN_LOOKS if is_live else None)
    def show() -> None:
        """Show it as it is now."""
        try:
            runs = list_watched(desk)
        except PneumoDeskError as error:
            # A full disk, say: looked at again until it is mended.
            st.error(str(error), icon=":material/error:")
            return
        tell_of_ends(desk)
        live = [run for run in runs if run.is_live]
        if is_live and not live:
            st.rerun()
        machine_row(desk)
        st.subheader(tr("Running"))
        # The waiting runs of a sweep are one number: two hundred cards would help nobody.
        folded = {run.id for run in live if run.sweep_id and run.state == "queued"}
        for run in live:
            if run.id not in folded:
                _card(desk, run)
        if folded:
            _folded(len(folded))
        if not live:
            st.caption(tr("No run is queued or running."))

    show()
    _ended([run for run in first if not run.is_live])


def tell_of_ends(desk: Desk) -> None:
    """Say in a toast which runs ended since this tab last looked."""
    since = st.session_state.setdefault("training.looked_at", datetime.now(UTC))
    for run in ended_since(desk, since):
        word, icon, _ = state_word(run.state)
        st.toast(f"{run.name}: {word}.", icon=icon)
        st.session_state["training.looked_at"] = max(since, run.finished_at)


def _folded(num_waiting: int) -> None:
    what = (
        tr("1 run of a sweep waits")
        if num_waiting == 1
        else tr("{num_waiting:,} runs of sweeps wait", num_waiting=num_waiting)
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(tr("{contents} as well.", contents=what), width="content")
        if st.button(tr("Sweeps"), icon=":material/grid_view:", key="training.to_sweeps"):
            open_sweeps()


def _card(desk: Desk, run: RunStatus) -> None:
    word, icon, colour = state_word(run.state)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.markdown(f"**{run.name}**")
                st.badge(word, icon=icon, color=colour)
            with st.container(horizontal=True, width="content"):
                if st.button(tr("Watch"), icon=":material/monitoring:", key=f"training.watch.{run.id}"):
                    open_run(run.id)
                if st.button(
                    tr("Stop"),
                    icon=":material/stop:",
                    key=f"training.stop_listed.{run.id}",
                    disabled=run.state == "stopping",
                    help=tr("Ends after the current step, with a checkpoint to resume from."),
                ):
                    stop(desk, run.id)
                    st.rerun(scope="fragment")
        st.progress(min(1.0, run.fraction or 0.0), text=progress_words(run))


def _ended(runs: list[RunStatus]) -> None:
    if not runs:
        return
    st.subheader(tr("Ended"))
    rows = pd.DataFrame(
        [
            {
                tr("Run"): run.name,
                tr("State"): state_word(run.state).word,
                tr("Network"): run.architecture,
                tr("Seed"): run.seed,
                tr("Ended"): moment(run.finished_at) if run.finished_at else "–",
                tr("What happened"): run.failure.explanation if run.failure else run.error or "",
            }
            for run in runs
        ]
    )
    chosen = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="training.ended",
        alt=tr("Runs that ended, newest first"),
    )
    st.caption(tr("Select a run to open it."))
    if chosen.selection.rows:
        open_run(runs[chosen.selection.rows[0]].id)
