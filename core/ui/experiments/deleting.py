"""Runs deleted, restored, and deleted for good."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr, tr_n
from core.services.desk import Desk
from core.services.experiments.annotations import delete_runs, restore_runs
from core.services.experiments.purge import purge_runs
from core.ui.reader_name.component import current_reader

UNDO = "experiments.deleted"
PROBLEM = "experiments.problem"


def delete(desk: Desk, ids: list[str]) -> None:
    """Take runs out of the lists, and offer to undo it."""
    try:
        delete_runs(desk, ids)
        st.session_state[UNDO] = ids
    except PneumoDeskError as error:
        st.session_state[PROBLEM] = str(error)


def _undo(desk: Desk) -> None:
    restore_runs(desk, st.session_state.pop(UNDO))


def purge_popover(desk: Desk, ids: list[str]) -> None:
    """Offer to delete runs for good that were deleted before."""
    with st.popover(tr("Delete for good"), icon=":material/delete_forever:", disabled=not ids):
        st.markdown(
            tr_n(
                "**{n} run**: checkpoints, curves and log are removed.",
                "**{n} runs**: checkpoints, curves and log are removed.",
                len(ids),
            )
        )
        st.caption(tr("This cannot be undone. What its model said of images, and the audit log, stay."))
        st.button(tr("Delete for good now"), key="experiments.purge", on_click=_purge, args=(desk, ids), type="primary")


def _purge(desk: Desk, ids: list[str]) -> None:
    try:
        done = purge_runs(desk, ids, current_reader())
        st.session_state[UNDO] = [run for run in st.session_state.get(UNDO) or [] if run not in done.run_ids]
        st.toast(
            tr("{num_bytes:,.1f} MB were made free.", num_bytes=done.num_bytes / 1000000.0),
            icon=":material/delete_forever:",
        )
    except PneumoDeskError as error:
        st.session_state[PROBLEM] = str(error)


def say_what_was_deleted(desk: Desk) -> None:
    """Say what was deleted last with a way back, and what could not be."""
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(problem, icon=":material/error:")
    if ids := st.session_state.get(UNDO):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(tr_n(":material/delete: Deleted {n} run.", ":material/delete: Deleted {n} runs.", len(ids)))
            st.button(tr("Undo"), icon=":material/undo:", key="experiments.undo", on_click=_undo, args=(desk,))
